import { createHash } from 'node:crypto'
import type { StoredRequest } from './access-request.ts'

/**
 * Identifies the content that a reviewer saw; opaque to clients. It contains a hash besides the version number, because
 * a writer to Redis could change the content and leave the number.
 */
export function shownVersion({ version, request }: StoredRequest): string {
  // The schema of `accessRequest` fixes the order of the fields, so equal requests give equal JSON.
  const content = createHash('sha256').update(JSON.stringify(request)).digest('base64url')
  return `${version}-${content.slice(0, 22)}`
}
