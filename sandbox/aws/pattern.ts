/** Wildcards and policy variables (IAM User Guide, "IAM policy elements: Variables and tags"). */

/** The request's values by lower-case condition key. */
export type Facts = ReadonlyMap<string, readonly string[]>

/** One piece of a pattern. In a `value` that came from a variable, `:` separates no ARN parts and `*` is no wildcard. */
type Token =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'value'; readonly text: string }
  | { readonly kind: 'any' }
  | { readonly kind: 'one' }

const PIECE = /\$\{([^}]*)\}|\*|\?|[^*?$]+|\$/g

/** Undefined when a variable does not have exactly one value in this request; then nothing matches. */
function tokens(pattern: string, facts: Facts, variables: boolean, wildcards: boolean): Token[] | undefined {
  const found: Token[] = []
  for (const [piece, variable] of variables ? pattern.matchAll(PIECE) : pattern.matchAll(/\*|\?|[^*?]+/g)) {
    if (variable !== undefined) {
      const value = variableValue(variable, facts)
      if (value === undefined) return undefined
      found.push({ kind: 'value', text: value })
    } else if (wildcards && piece === '*') found.push({ kind: 'any' })
    else if (wildcards && piece === '?') found.push({ kind: 'one' })
    else found.push({ kind: 'text', text: piece })
  }
  return found
}

function variableValue(variable: string, facts: Facts): string | undefined {
  if (variable === '*' || variable === '?' || variable === '$') return variable
  const [, key = '', fallback] = /^\s*([^,\s]+)\s*(?:,\s*'([^']*)'\s*)?$/.exec(variable) ?? []
  const values = facts.get(key.toLowerCase())
  return values?.length === 1 ? values[0] : fallback
}

function toRegExp(parts: readonly Token[], flags: string): RegExp {
  const source = parts.map((part) => {
    if (part.kind === 'any') return '.*'
    if (part.kind === 'one') return '.'
    return part.text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
  })
  return new RegExp(`^${source.join('')}$`, `su${flags}`)
}

export interface Reading {
  readonly facts: Facts
  /** Policy variables apply from version 2012-10-17 on. */
  readonly variables: boolean
}

/** Compares the whole text; `*` and `?` are wildcards if asked for. */
export function matchesText(
  pattern: string,
  text: string,
  { facts, variables }: Reading,
  { wildcards = true, ignoreCase = false } = {},
): boolean {
  const parts = tokens(pattern, facts, variables, wildcards)
  return parts !== undefined && toRegExp(parts, ignoreCase ? 'i' : '').test(text)
}

/** Compares ARNs part by part. A wildcard does not match across the first five colons. */
export function matchesArn(pattern: string, arn: string, { facts, variables }: Reading, partial = false): boolean {
  const parts = tokens(pattern, facts, variables, true)
  if (parts === undefined) return false
  const wanted = splitArn(parts)
  const given = arnParts(arn)
  if (given === undefined || (!partial && wanted.length < 6)) return false
  return wanted.every((part, index) => toRegExp(part, '').test(given[index] ?? ''))
}

function splitArn(parts: readonly Token[]): Token[][] {
  const split: Token[][] = [[]]
  for (const part of parts) {
    const pieces = part.kind === 'text' ? part.text.split(':') : undefined
    if (pieces === undefined || part.kind !== 'text') {
      split.at(-1)?.push(part)
      continue
    }
    const room = 6 - split.length
    const heads = pieces.slice(0, room)
    const rest = pieces.slice(room).join(':')
    const texts = pieces.length > room ? [...heads, rest] : heads
    for (const [index, text] of texts.entries()) {
      if (index > 0) split.push([])
      if (text !== '') split.at(-1)?.push({ kind: 'text', text })
    }
  }
  return split
}

function arnParts(arn: string): string[] | undefined {
  const pieces = arn.split(':')
  if (pieces.length < 6 || pieces[0] !== 'arn') return undefined
  return [...pieces.slice(0, 5), pieces.slice(5).join(':')]
}
