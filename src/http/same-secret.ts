import { createHash, timingSafeEqual } from 'node:crypto'

/** Compared as digests: of equal length, and in a time that does not depend on the text. */
export function isSameSecret(given: string, wanted: string): boolean {
  const [a, b] = [given, wanted].map((text) => createHash('sha256').update(text).digest())
  return a !== undefined && b !== undefined && timingSafeEqual(a, b)
}
