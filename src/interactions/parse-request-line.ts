import { ASKABLE_LEVELS, type AskableLevel, NO_BUCKET_POLICY, sortLevels } from '../rules/levels.ts'

/** The line after the word `request`, as it was written. It is not checked against the rules here. */
export interface RequestLine {
  /** Exactly as written in the line. */
  readonly scopes: readonly string[]
  readonly levels: readonly AskableLevel[]
  readonly duration?: string
  readonly reason: string
  readonly ticket?: string
}

export type ReadLine =
  | { readonly readable: true; readonly ask: RequestLine }
  | { readonly readable: false; readonly problem: string }

const EXAMPLE = 'request write s3://finance-reports/2026/ for 45m because month-end fix'

interface Word {
  readonly text: string
  /** It was in quotes or angle brackets, so punctuation belongs to it. */
  readonly quoted: boolean
  readonly end: number
}

interface Draft {
  readonly scopes: string[]
  readonly levels: AskableLevel[]
  readonly strange: string[]
  duration?: string
  ticket?: string
  reason?: string
}

const WORD = /\s*(?:["“”„«]([^"“”„«»]+)["“”»](?=[\s,;.!]|$)|['‘’`]([^'‘’`]+)['’‘`](?=[\s,;.!]|$)|<([^<>]+)>|(\S+))/y
const FILLERS: ReadonlySet<string> = new Set(['', 'and', '&', 'access', 'to', 'on', 'in', 'please'])
const UNITS = { m: /^m(in(ute)?s?)?$/i, h: /^h((ou)?rs?)?$/i, d: /^d(ays?)?$/i } as const
const MAX_QUOTE_LENGTH = 80

/** Refuses a line with an unknown word: a line that is half understood could ask for something else. */
export function readRequestLine(line: string): ReadLine {
  const draft = readDraft(line)
  const problem = problemOf(draft)
  if (problem)
    return { readable: false, problem: `${problem} For example: ${EXAMPLE}. Or say request alone for the form.` }
  const { scopes, levels, duration, ticket, reason = '' } = draft
  const ask = { scopes, levels: sortLevels(levels), reason }
  return {
    readable: true,
    ask: { ...ask, ...(duration === undefined ? {} : { duration }), ...(ticket === undefined ? {} : { ticket }) },
  }
}

/** The line after the word `extend`. Scopes and levels are those of the grant. */
export type ExtendLine = Omit<RequestLine, 'scopes' | 'levels'> & { readonly grantId?: string }
export type ReadExtendLine =
  | { readonly readable: true; readonly ask: ExtendLine }
  | { readonly readable: false; readonly problem: string }

const EXTEND_EXAMPLE = 'For example: extend for 1h because the export is still running.'
const GRANT_ID = /^g-[0-9a-z]+$/

export function readExtendLine(line: string): ReadExtendLine {
  const { scopes, levels, strange, duration, ticket, reason } = readDraft(line)
  const [grantId, ...others] = strange.map((word) => word.toLowerCase())
  const isStrange = others.length > 0 || (grantId !== undefined && !GRANT_ID.test(grantId))
  if (scopes.length + levels.length > 0 || isStrange)
    return {
      readable: false,
      problem: `To extend, say for how long from now, and why; nothing else. ${EXTEND_EXAMPLE}`,
    }
  if (!reason)
    return { readable: false, problem: `This line lacks a reason (after the word because). ${EXTEND_EXAMPLE}` }
  return {
    readable: true,
    ask: {
      reason,
      ...(grantId === undefined ? {} : { grantId }),
      ...(duration === undefined ? {} : { duration }),
      ...(ticket === undefined ? {} : { ticket }),
    },
  }
}

function readDraft(line: string): Draft {
  const draft: Draft = { scopes: [], levels: [], strange: [] }
  for (let word = wordAt(line, 0); word && draft.reason === undefined; ) {
    const end = takeWord(draft, line, word)
    word = wordAt(line, end)
  }
  return draft
}

function wordAt(line: string, start: number): Word | undefined {
  WORD.lastIndex = start
  const found = WORD.exec(line)
  if (!found) return undefined
  const [, double, single, angle, bare] = found
  const quoted = double ?? single ?? angle
  return { text: quoted ?? withoutPunctuation(bare ?? ''), quoted: quoted !== undefined, end: WORD.lastIndex }
}

/** Removes the punctuation of the sentence. A key that ends in such a character has to be in quotes. */
function withoutPunctuation(bare: string): string {
  let end = bare.length
  while (end > 0 && ',;.!'.includes(bare.charAt(end - 1))) end -= 1
  return bare.slice(0, end)
}

/**
 * Reads one word, with those that belong to it, into the draft.
 * @returns the position in the line where to read on
 */
function takeWord(draft: Draft, line: string, word: Word): number {
  if (/^s3:\//i.test(word.text)) {
    draft.scopes.push(word.text)
    return word.end
  }
  const name = word.quoted ? '"' : word.text.toLowerCase()
  if (name === 'because' || name === 'because:') draft.reason = line.slice(word.end).trim()
  else if (name === 'for' && draft.duration === undefined) return takeDuration(draft, line, word)
  else if ((name === 'ticket' || name === 'ticket:') && draft.ticket === undefined) return takeTicket(draft, line, word)
  else if (!FILLERS.has(name)) takeLevels(draft, word)
  return word.end
}

/** Reads `45m`, and also `45 minutes` or `1 hour`. */
function takeDuration(draft: Draft, line: string, { end }: Word): number {
  const first = wordAt(line, end)
  if (first === undefined || isBecause(first)) {
    draft.strange.push('for')
    return end
  }
  const [, count = '', own = ''] = /^(\d+)([a-z]*)$/i.exec(first.text) ?? []
  const next = own === '' && count !== '' ? wordAt(line, first.end) : undefined
  const unit = unitOf(own === '' ? (next?.text ?? '') : own)
  draft.duration = unit === undefined ? first.text : `${count}${unit}`
  return next && unit !== undefined ? next.end : first.end
}

function unitOf(text: string): keyof typeof UNITS | undefined {
  return (['m', 'h', 'd'] as const).find((unit) => UNITS[unit].test(text))
}

function takeTicket(draft: Draft, line: string, { end }: Word): number {
  const number = wordAt(line, end)
  if (number === undefined || isBecause(number)) {
    draft.strange.push('ticket')
    return end
  }
  draft.ticket = number.text
  return number.end
}

function isBecause({ text, quoted }: Word): boolean {
  return !quoted && /^because:?$/i.test(text)
}

function takeLevels(draft: Draft, { text }: Word): void {
  const parts = text.toLowerCase().split(/[,+/&]/)
  const levels = ASKABLE_LEVELS.filter((level) => parts.includes(level))
  if (parts.every((part) => part === '' || ASKABLE_LEVELS.some((level) => level === part))) draft.levels.push(...levels)
  else draft.strange.push(text)
}

function problemOf({ scopes, levels, reason, strange: [strange] }: Draft): string | undefined {
  const missing = [
    ...(levels.length === 0 ? [`a level (${ASKABLE_LEVELS.join(', ')})`] : []),
    ...(scopes.length === 0 ? ['a scope (it begins with s3://)'] : []),
    ...(reason ? [] : ['a reason (after the word because)']),
  ]
  const lacks = missing.length > 0 ? [`This line lacks ${missing.join(' and ')}.`] : []
  const unread =
    strange === undefined
      ? []
      : strange.toLowerCase() === 'bucket-policy'
        ? [NO_BUCKET_POLICY]
        : [`I cannot read “${strange.slice(0, MAX_QUOTE_LENGTH)}” in it; a scope that holds spaces stands in quotes.`]
  return lacks.length + unread.length > 0 ? [...lacks, ...unread].join(' ') : undefined
}
