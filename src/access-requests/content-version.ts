import { createHash } from 'node:crypto'
import type { StoredRequest } from './access-request.ts'

/** Names one content, not only one number: whoever can write to Redis can change the one and leave the other. Opaque to everybody else. */
export function shownVersion({ version, request }: StoredRequest): string {
  // Parsed by one schema, so its fields always stand in one order.
  const content = createHash('sha256').update(JSON.stringify(request)).digest('base64url')
  return `${version}-${content.slice(0, 22)}`
}
