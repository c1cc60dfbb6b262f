import { type ExtendLine, type RequestLine, readExtendLine, readRequestLine } from './parse-request-line.ts'

/** What one chat line asks for. Nothing is guessed: a line that is not a command is `help`. */
export type Command =
  | { readonly kind: 'form' }
  | { readonly kind: 'ask'; readonly ask: RequestLine }
  | { readonly kind: 'malformed'; readonly sentence: string }
  | { readonly kind: 'access' }
  /** Without an id, the caller's only live grant is meant. */
  | { readonly kind: 'end'; readonly grantId?: string }
  | { readonly kind: 'extend'; readonly ask: ExtendLine }
  | { readonly kind: 'cancel'; readonly requestId: string }
  /** The word `approve` or `deny`. It decides nothing. */
  | { readonly kind: 'review'; readonly requestId?: string }
  | { readonly kind: 'help' }

const FORM_WORDS = /^(access|form)?$/
const ID = /^[rgc]-[0-9a-z]+$/
/** Characters. A request with ten scopes and the longest reason hardly needs half of it. */
export const LONGEST_LINE = 4_000
const TOO_LONG = `I read lines of ${LONGEST_LINE} characters at most, and this one is longer. Say it shorter, or say request alone for the form.`

/** @param line without markup, with one space between words: as the person read it */
export function parseCommand(line: string): Command {
  if (line.length > LONGEST_LINE) return { kind: 'malformed', sentence: TOO_LONG }
  const [word = '', ...others] = line.split(' ')
  const rest = line.slice(word.length).trim()
  const words = others.map(bare).filter((other) => other !== '')
  switch (bare(word)) {
    case 'request':
      return parseRequest(rest)
    case 'my':
      return words.join(' ') === 'access' ? { kind: 'access' } : { kind: 'help' }
    case 'status':
      return words.length === 0 ? { kind: 'access' } : { kind: 'help' }
    case 'done':
      return parseDone(words)
    case 'revoke':
      return parseRevoke(words)
    case 'extend':
      return parseExtend(rest)
    case 'cancel':
      return parseCancel(words)
    case 'approve':
    case 'deny':
      return parseReview(words)
    default:
      return { kind: 'help' }
  }
}

/** A word of the command language, without case, quotes, brackets and punctuation around it. */
function bare(word: string): string {
  return word.toLowerCase().replace(/^["'“”‘’„«`<(]{1,3}|["'“”‘’»`>),;:.!?]{1,3}$/g, '')
}

function parseRequest(rest: string): Command {
  if (FORM_WORDS.test(bare(rest))) return { kind: 'form' }
  const read = readRequestLine(rest)
  return read.readable ? { kind: 'ask', ask: read.ask } : { kind: 'malformed', sentence: read.problem }
}

function parseExtend(rest: string): Command {
  const read = readExtendLine(rest)
  return read.readable ? { kind: 'extend', ask: read.ask } : { kind: 'malformed', sentence: read.problem }
}

function parseDone(words: readonly string[]): Command {
  const [grantId] = words
  if (grantId === undefined) return { kind: 'end' }
  if (words.length === 1 && ID.test(grantId)) return { kind: 'end', grantId }
  return { kind: 'malformed', sentence: 'Say done to end your grant, or done and its id, which begins with g-.' }
}

function parseRevoke(words: readonly string[]): Command {
  const [grantId = ''] = words
  if (words.length === 1 && ID.test(grantId)) return { kind: 'end', grantId }
  return {
    kind: 'malformed',
    sentence: 'Say revoke and the id of the grant, which begins with g-. my access lists them.',
  }
}

function parseCancel(words: readonly string[]): Command {
  const [requestId = ''] = words
  if (words.length === 1 && ID.test(requestId)) return { kind: 'cancel', requestId }
  return {
    kind: 'malformed',
    sentence: 'Say cancel and the id of the request, which begins with r-. my access lists them.',
  }
}

function parseReview(words: readonly string[]): Command {
  const requestId = words.find((word) => ID.test(word))
  return requestId === undefined ? { kind: 'review' } : { kind: 'review', requestId }
}
