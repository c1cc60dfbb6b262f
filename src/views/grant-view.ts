import type { Grant } from '../grants/grant.ts'
import type { WriteSummary } from '../oversight/write-summary.ts'
import { forMinutes, type Preview, previewOf } from './preview.ts'

/** A grant as one reader may see it. Times are ISO 8601 UTC. */
export interface GrantView {
  readonly id: string
  readonly status: Grant['status']
  readonly requestId: string
  readonly requester: string
  readonly approver: string
  readonly account: string
  /** `attach`: the grant is on the requester's own role or user, so they use their own credentials. */
  readonly driver: Grant['terms']['principal']['driver']
  readonly scopes: readonly string[]
  readonly levels: readonly string[]
  readonly durationMinutes: number
  readonly preview: Preview
  readonly decidedAt: string
  readonly activatedAt: string | null
  readonly endsAt: string | null
  readonly endedAt: string | null
  /** Why the grant ends or ended early. */
  readonly endCause: string | null
  /** The addresses that credentials were sent to, the first one first. */
  readonly takenFrom: readonly { readonly address: string; readonly at: string }[]
  readonly writes: WriteSummary
}

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
