import { createHash, randomBytes } from 'node:crypto'

/** Crockford base32, lower case: no i, l, o, u, so an id can be read out and typed. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

/** @example newId('g') // "g-7m2k9x0qv4tz": also valid as an STS role session name and as a BullMQ job id */
export function newId(prefix: 'r' | 'g' | 'c'): string {
  return `${prefix}-${lettersOf(randomBytes(12))}`
}

/** The same id for the same facts: whoever comes second finds what the first has written. */
export function idOf(prefix: 'n', facts: string): string {
  return `${prefix}-${lettersOf(createHash('sha256').update(facts).digest().subarray(0, 12))}`
}

function lettersOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => ALPHABET[byte % 32]).join('')
}

export const RECORD_ID = /^[rgc]-[0-9a-hjkmnp-tv-z]{12}$/
