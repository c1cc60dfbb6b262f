import { barredReason } from './approval.ts'
import type { Directory, Person } from './directory.ts'
import { type Approver, type Entitlement, formatApprover } from './entitlement.ts'

/** Somebody to ask; `as` is what gives them the right, as the rules file writes it. */
export interface AskedApprover {
  readonly person: Person
  readonly as: string
}

/** Everybody who is asked is written into the request. More than this may decide; they are not asked. */
const MOST_ASKED = 50

/**
 * Who is asked, each person once, in the order of the rules, fifty at most. Empty: nobody can decide, which the requester must be told.
 * Being asked gives no right: that is read again at the click.
 */
export async function findApprovers(
  directory: Pick<Directory, 'person' | 'managerOf' | 'membersOf'>,
  entitlement: Entitlement,
  requester: Person,
  signal?: AbortSignal,
): Promise<readonly AskedApprover[]> {
  const found = await Promise.all(
    entitlement.approvers.map(async (approver) => {
      const people = await peopleBehind(directory, approver, requester, signal)
      return people.map((person) => ({ person, as: formatApprover(approver) }))
    }),
  )
  const facts = { requesterId: requester.objectId, tenantId: requester.tenantId }
  const asked = new Map<string, AskedApprover>()
  for (const candidate of found.flat()) {
    const isNew = !asked.has(candidate.person.objectId)
    if (isNew && barredReason(candidate.person, facts) === undefined) asked.set(candidate.person.objectId, candidate)
  }
  return [...asked.values()].slice(0, MOST_ASKED)
}

async function peopleBehind(
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
