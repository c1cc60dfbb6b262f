import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

/**
 * HMAC-SHA-256 of a value, as base64url.
 * @param purpose part of the signed text, so that a MAC made for one purpose is not valid for another
 */
export function macOf(approvalKey: string, purpose: 'ask' | 'yes' | 'deny' | 'notice', value: object): string {
  return createHmac('sha256', approvalKey)
    .update(`${purpose}\n${canonical(value)}`)
    .digest('base64url')
}

export function isMac(expected: string, found: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(found)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** Compares secrets by their SHA-256, which have equal length, so that the time does not depend on the text. */
export function isSameSecret(given: string, wanted: string): boolean {
  const [a, b] = [given, wanted].map((text) => createHash('sha256').update(text).digest())
  return a !== undefined && b !== undefined && timingSafeEqual(a, b)
}

/** JSON with sorted keys at every depth, so that equal values have equal text. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
