import { z } from 'zod'
import type { AccessRequest } from '../access-requests/access-request.ts'
import { contentVersion } from '../access-requests/request-mac.ts'
import { forMinutes, previewOf, previewSchema } from './preview.ts'

const time = z.iso.datetime()

/** A request as API, cards and pages show it, the same for every reader. Times are ISO 8601 UTC. */
export const requestViewSchema = z
  .strictObject({
    id: z.string(),
    status: z.enum(['pending', 'approved', 'denied', 'cancelled', 'lapsed']),
    /** The version of the content, opaque. A review sends it back; Latchkey refuses a review of another version. */
    version: z.string(),
    requester: z.string(),
    scopes: z.array(z.string()).readonly(),
    levels: z.array(z.string()).readonly(),
    durationMinutes: z.int(),
    preview: previewSchema,
    /** Sentences that warn requester and approver, for example why AWS may refuse calls in spite of an approval. */
    warnings: z.array(z.string()).readonly().meta({ description: 'Why AWS may refuse it all the same' }),
    reason: z.string(),
    ticket: z.string(),
    entitlement: z.string(),
    askedAt: time,
    lapsesAt: time,
    asked: z.array(z.string()).readonly(),
    decision: z.strictObject({ by: z.string(), as: z.string(), comment: z.string(), at: time }).nullable(),
    closedAt: time.nullable(),
    grantId: z.string().nullable(),
    /** Id of the live grant that this request would extend. */
    extends: z.string().nullable(),
  })
  .meta({ id: 'Request' })

export type RequestView = Readonly<z.infer<typeof requestViewSchema>>

export function requestView(request: AccessRequest): RequestView {
  const review = request.reviews.at(-1)
  return {
    id: request.id,
    status: request.status,
    version: contentVersion(request),
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
