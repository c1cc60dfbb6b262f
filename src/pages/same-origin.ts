import type { FastifyRequest } from 'fastify'

/**
 * Whether a page of ours sent this form. Under `no-referrer` browsers say `Origin: null` even at home ("Fetch" standard, request `Origin` header);
 * then, as without the header, only `Sec-Fetch-Site` can tell, which no page can write.
 */
export function isSameOrigin({ headers }: Pick<FastifyRequest, 'headers'>, publicUrl: string): boolean {
  const { origin } = headers
  if (origin !== undefined && origin !== 'null') return origin === new URL(publicUrl).origin
  return headers['sec-fetch-site'] === 'same-origin'
}
