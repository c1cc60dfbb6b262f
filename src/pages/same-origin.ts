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
