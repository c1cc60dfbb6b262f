import { z } from 'zod'
import type { Grant } from '../grants/grant.ts'
import { type WriteSummary, writeSummarySchema } from '../oversight/write-summary.ts'
import { forMinutes, previewOf, previewSchema } from './preview.ts'

const time = z.iso.datetime()

/** A grant as one reader may see it. Times are ISO 8601 UTC. */
export const grantViewSchema = z.strictObject({
  id: z.string(),
  status: z.enum(['activating', 'active', 'revoking', 'expired', 'revoked']),
  requestId: z.string(),
  requester: z.string(),
  approver: z.string(),
  account: z.string(),
  scopes: z.array(z.string()).readonly(),
  levels: z.array(z.string()).readonly(),
  durationMinutes: z.int(),
  preview: previewSchema,
  decidedAt: time,
  activatedAt: time.nullable(),
  endsAt: time.nullable(),
  endedAt: time.nullable(),
  /** Why it ends or ended early. */
  endCause: z.string().nullable(),
  /** The addresses that received credentials, in the order in which they first did. */
  takenFrom: z
    .array(z.strictObject({ address: z.string(), at: time }))
    .readonly()
    .meta({ description: 'Where credentials were taken to, each address with its first time; at most ten' }),
  driver: z.enum(['session', 'attach']).meta({ description: '`attach`: their own credentials have it' }),
  writes: writeSummarySchema,
})

export type GrantView = Readonly<z.infer<typeof grantViewSchema>>

export function grantView(grant: Grant, writes: WriteSummary): GrantView {
  const { terms } = grant
  const end = grant.endedAt ?? grant.endsAt
  return {
    id: grant.id,
    status: grant.status,
    requestId: terms.requestId,
    requester: grant.requesterName,
    approver: grant.approverName,
    account: terms.principal.account,
    driver: terms.principal.driver,
    scopes: terms.scopes,
    levels: terms.levels,
    durationMinutes: terms.durationMinutes,
    preview: previewOf(terms, end === undefined ? forMinutes(terms.durationMinutes) : `until ${end}`),
    decidedAt: terms.decidedAt,
    activatedAt: grant.activatedAt ?? null,
    endsAt: grant.endsAt ?? null,
    endedAt: grant.endedAt ?? null,
    endCause: grant.end?.cause ?? null,
    takenFrom: grant.takenFrom ?? [],
    writes,
  }
}
