import { barredReason } from './approval.ts'
import type { Directory, Person } from './directory.ts'
import { type Approver, type Entitlement, formatApprover } from './entitlement.ts'

/** A person to whom a request is sent. */
export interface AskedApprover {
  readonly person: Person
  /** The approver entry of the rules that gives the right. @example "group:finance" */
  readonly as: string
}

/** The request stores everybody who is asked, so the number is limited. Further approvers may still decide. */
const MAX_ASKED = 50

/**
 * The approvers to whom a request is sent, each once, in the order of the rules, at most 50. Empty: nobody can decide
 * the request. The list gives no right: `decideReview` checks again at the click.
 */
export async function findApprovers(
  directory: Pick<Directory, 'person' | 'managerOf' | 'membersOf'>,
  entitlement: Entitlement,
  requester: Person,
  signal?: AbortSignal,
): Promise<readonly AskedApprover[]> {
  const candidates = await Promise.all(
    entitlement.approvers.map(async (approver) => {
      const people = await peopleOf(directory, approver, requester, signal)
      return people.map((person) => ({ person, as: formatApprover(approver) }))
    }),
  )
  const facts = { requesterId: requester.objectId, tenantId: requester.tenantId }
  const asked = new Map<string, AskedApprover>()
  for (const candidate of candidates.flat()) {
    const isNew = !asked.has(candidate.person.objectId)
    if (isNew && barredReason(candidate.person, facts) === undefined) asked.set(candidate.person.objectId, candidate)
  }
  return [...asked.values()].slice(0, MAX_ASKED)
}

async function peopleOf(
  directory: Pick<Directory, 'person' | 'managerOf' | 'membersOf'>,
  approver: Approver,
  requester: Person,
  signal: AbortSignal | undefined,
): Promise<readonly Person[]> {
  if (approver.kind === 'group') return directory.membersOf(approver.id, signal)
  const person =
    approver.kind === 'manager'
      ? await directory.managerOf(requester.objectId, signal)
      : await directory.person(approver.id, signal)
  return person ? [person] : []
}
