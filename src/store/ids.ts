import { createHash, randomBytes } from 'node:crypto'

/** Crockford base32 in lower case. It has no i, l, o or u, so that people can read an id out and type it. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

/**
 * A random id. It is also valid as an STS role session name and as a BullMQ job id.
 * @example newId('g') // "g-7m2k9x0qv4tz"
 */
export function newId(prefix: 'r' | 'g' | 'c'): string {
  return `${prefix}-${lettersOf(randomBytes(12))}`
}

/** The same facts always give the same id, so two processes that write about them write one record. */
export function idOf(prefix: 'n', facts: string): string {
  return `${prefix}-${lettersOf(createHash('sha256').update(facts).digest().subarray(0, 12))}`
}

function lettersOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => ALPHABET[byte % 32]).join('')
}

export const RECORD_ID = /^[rgc]-[0-9a-hjkmnp-tv-z]{12}$/
