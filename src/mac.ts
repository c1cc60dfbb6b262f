import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

/** `purpose` keeps a MAC from being moved to where it was not meant. */
export function macOf(approvalKey: string, purpose: 'ask' | 'yes' | 'deny' | 'notice', value: object): string {
  return createHmac('sha256', approvalKey)
    .update(`${purpose}\n${canonical(value)}`)
    .digest('base64url')
}

export function isMac(expected: string, found: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(found)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** Compares secrets as digests: of equal length, and in a time that does not depend on the text. */
export function isSameSecret(given: string, wanted: string): boolean {
  const [a, b] = [given, wanted].map((text) => createHash('sha256').update(text).digest())
  return a !== undefined && b !== undefined && timingSafeEqual(a, b)
}

/** One text for one meaning: keys sorted at every depth. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
