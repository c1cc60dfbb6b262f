import type { Person } from './directory.ts'
import { type Approver, type Entitlement, formatApprover } from './entitlement.ts'

/** What the directory says at the moment of the click. */
export interface ReviewFacts {
  readonly requesterId: string
  /** Our own tenant. */
  readonly tenantId: string
  readonly reviewer: Person
  /** Ids of those groups of the rules that the reviewer is in. */
  readonly reviewerGroups: ReadonlySet<string>
  /** Of the requester. */
  readonly managerId: string | undefined
}

/** `as` is what gives the right, as the rules file writes it. */
export type MayReview = { readonly may: true; readonly as: string } | { readonly may: false; readonly reason: string }

/** Self-approval is refused before anything else is looked at. */
export function decideReview(entitlement: Entitlement, facts: ReviewFacts): MayReview {
  const barred = barredReason(facts.reviewer, facts)
  if (barred) return { may: false, reason: barred }
  const through = entitlement.approvers.find((approver) => isOne(approver, facts))
  if (through) return { may: true, as: formatApprover(through) }
  const approvers = entitlement.approvers.map(sayApprover).join(' or ')
  return { may: false, reason: `Entitlement ${entitlement.name} asks ${approvers}. Leave it to one of them.` }
}

/** Why this person could not review whatever the entitlement says. */
export function barredReason(
  reviewer: Person,
  { requesterId, tenantId }: Pick<ReviewFacts, 'requesterId' | 'tenantId'>,
): string | undefined {
  // Ids are GUIDs, which compare without case; elsewhere a difference in case can only refuse.
  if (reviewer.objectId.toLowerCase() === requesterId.toLowerCase())
    return 'You asked for this yourself, and nobody decides their own request. Wait for one of the approvers.'
  if (reviewer.tenantId !== tenantId) return 'Your account belongs to another tenant. Sign in with one of this tenant.'
  if (!reviewer.enabled) return 'Your account is disabled in the directory. Ask another approver.'
  if (reviewer.guest) return 'You are a guest in this directory, and guests never review. Ask another approver.'
  return undefined
}

function isOne(approver: Approver, { reviewer, reviewerGroups, managerId }: ReviewFacts): boolean {
  if (approver.kind === 'manager') return reviewer.objectId === managerId
  return approver.kind === 'group' ? reviewerGroups.has(approver.id) : reviewer.objectId === approver.id
}

function sayApprover(approver: Approver): string {
  if (approver.kind === 'manager') return "the requester's manager"
  return approver.kind === 'group' ? `a member of ${approver.name}` : approver.name
}
