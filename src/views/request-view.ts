import type { AccessRequest, StoredRequest } from '../access-requests/access-request.ts'
import { shownVersion } from '../access-requests/content-version.ts'
import { forMinutes, type Preview, previewOf } from './preview.ts'

/** A request as one reader may see it. Times are ISO 8601 UTC. */
export interface RequestView {
  readonly id: string
  readonly status: AccessRequest['status']
  /**
   * The version of the content, opaque. A review sends it back; Latchkey refuses a review of another version.
   */
  readonly version: string
  readonly requester: string
  readonly scopes: readonly string[]
  readonly levels: readonly string[]
  readonly durationMinutes: number
  readonly preview: Preview
  /** Sentences: why AWS may refuse the access although the request was approved. */
  readonly warnings: readonly string[]
  readonly reason: string
  readonly ticket: string
  readonly entitlement: string
  readonly askedAt: string
  readonly lapsesAt: string
  readonly asked: readonly string[]
  readonly decision: { readonly by: string; readonly as: string; readonly comment: string; readonly at: string } | null
  readonly closedAt: string | null
  readonly grantId: string | null
  /** Id of the live grant that this request would extend. */
  readonly extends: string | null
}

export function requestView(stored: StoredRequest): RequestView {
  const { request } = stored
  const review = request.reviews.at(-1)
  return {
    id: request.id,
    status: request.status,
    version: shownVersion(stored),
    requester: request.requester.name,
    scopes: request.scopes,
    levels: request.levels,
    durationMinutes: request.durationMinutes,
    preview: previewOf(request, forMinutes(request.durationMinutes)),
    warnings: request.warnings ?? [],
    reason: request.reason,
    ticket: request.ticket,
    entitlement: request.entitlement,
    askedAt: request.askedAt,
    lapsesAt: request.lapsesAt,
    asked: request.asked.map(({ name }) => name),
    decision: review ? { by: review.reviewer.name, as: review.as, comment: review.comment, at: review.at } : null,
    closedAt: request.closedAt ?? null,
    grantId: request.grantId ?? null,
    extends: request.extends ?? null,
  }
}
