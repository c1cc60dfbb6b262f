import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'

/**
 * Whether a page of this origin sent the form. Under `no-referrer` browsers send `Origin: null` to their own origin too
 * ("Fetch" standard, request `Origin` header). `Sec-Fetch-Site` decides then, and without the header: no page can set
 * it.
 */
export function isSameOrigin({ headers }: Pick<FastifyRequest, 'headers'>, publicUrl: string): boolean {
  const { origin } = headers
  if (origin !== undefined && origin !== 'null') return origin === new URL(publicUrl).origin
  return headers['sec-fetch-site'] === 'same-origin'
}

/** Compares digests, because `timingSafeEqual` needs equal lengths. Its time does not depend on the texts. */
export function isSameToken(given: string, wanted: string): boolean {
  const [a, b] = [given, wanted].map((text) => createHash('sha256').update(text).digest())
  return a !== undefined && b !== undefined && timingSafeEqual(a, b)
}
