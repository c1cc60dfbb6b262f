import type { Person } from './directory.ts'
import { type Approver, type Entitlement, formatApprover } from './entitlement.ts'

/** Facts about reviewer and requester. The directory is asked for them at the click. */
export interface ReviewFacts {
  /** Entra object id. */
  readonly requesterId: string
  /** The tenant that Latchkey serves. */
  readonly tenantId: string
  readonly reviewer: Person
  /** Ids of the rules' groups of which the reviewer is a member. */
  readonly reviewerGroups: ReadonlySet<string>
  /** The requester's manager; undefined: none. */
  readonly managerId: string | undefined
}

/** One approval step of the rules. */
export interface ApprovalStep {
  readonly from: readonly Approver[]
  /** How many different approvers of `from` must approve; at least 1. */
  readonly need: number
}

/** What one person decided. `as`: the approver entry of the rules that gave the right. */
export interface CountedReview {
  readonly reviewer: { readonly objectId: string }
  readonly as: string
  readonly decision: 'approve' | 'deny'
}

/** The approval steps of an entitlement: one, with every approver of the rules file. */
export function stepsOf({ approvers }: Entitlement): readonly ApprovalStep[] {
  return [{ from: approvers, need: 1 }]
}

/**
 * What the reviews decide together. One denial denies. Approvals fill the steps in order, and each person counts once.
 * No steps: nobody can approve.
 */
export function decide(
  steps: readonly ApprovalStep[],
  reviews: readonly CountedReview[],
): 'approved' | 'denied' | 'pending' {
  if (reviews.some(({ decision }) => decision === 'deny')) return 'denied'
  const counted = new Set<string>()
  for (const { from, need } of steps) {
    const entries = new Set(from.map(formatApprover))
    const fitting = reviews.filter(({ reviewer, as }) => entries.has(as) && !counted.has(reviewer.objectId))
    const approvers = new Set(fitting.map(({ reviewer }) => reviewer.objectId))
    if (approvers.size < need) return 'pending'
    for (const objectId of [...approvers].slice(0, need)) counted.add(objectId)
  }
  return steps.length > 0 ? 'approved' : 'pending'
}

/** `as`: the approver entry of the rules that gives the right. @example "group:finance" */
export type MayReview = { readonly may: true; readonly as: string } | { readonly may: false; readonly reason: string }

/** Whether a person may review a request under this entitlement. It checks for self-approval first. */
export function decideReview(entitlement: Entitlement, facts: ReviewFacts): MayReview {
  const barred = barredReason(facts.reviewer, facts)
  if (barred) return { may: false, reason: barred }
  const approver = entitlement.approvers.find((one) => matchesApprover(one, facts))
  if (approver) return { may: true, as: formatApprover(approver) }
  const approvers = entitlement.approvers.map(approverText).join(' or ')
  return { may: false, reason: `Entitlement ${entitlement.name} asks ${approvers}. Leave it to one of them.` }
}

/**
 * Why a person may review no request of this requester under any entitlement, as a sentence. Undefined: no such reason.
 */
export function barredReason(
  reviewer: Person,
  { requesterId, tenantId }: Pick<ReviewFacts, 'requesterId' | 'tenantId'>,
): string | undefined {
  // Ignores case, because ids are GUIDs. The other comparisons do not: there a difference in case can only refuse.
  if (reviewer.objectId.toLowerCase() === requesterId.toLowerCase())
    return 'You asked for this yourself, and nobody decides their own request. Wait for one of the approvers.'
  if (reviewer.tenantId !== tenantId) return 'Your account belongs to another tenant. Sign in with one of this tenant.'
  if (!reviewer.enabled) return 'Your account is disabled in the directory. Ask another approver.'
  if (reviewer.guest) return 'You are a guest in this directory, and guests never review. Ask another approver.'
  return undefined
}

function matchesApprover(approver: Approver, { reviewer, reviewerGroups, managerId }: ReviewFacts): boolean {
  if (approver.kind === 'manager') return reviewer.objectId === managerId
  return approver.kind === 'group' ? reviewerGroups.has(approver.id) : reviewer.objectId === approver.id
}

function approverText(approver: Approver): string {
  if (approver.kind === 'manager') return "the requester's manager"
  return approver.kind === 'group' ? `a member of ${approver.name}` : approver.name
}
