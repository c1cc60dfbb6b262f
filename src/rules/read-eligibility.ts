import type { Directory, Person } from './directory.ts'
import { type Ask, type Asker, decideEligibility, type Eligibility } from './eligibility.ts'
import type { OwnIdentity } from './principal-rules.ts'
import type { Rules } from './rules.ts'

interface Deps {
  readonly rules: Rules
  readonly directory: Pick<Directory, 'idsWith'>
}

/**
 * Decides eligibility. Where a session is named after an attribute, it also checks in the directory that nobody else
 * has the same value: two people with one session name would share their grants.
 */
export async function readEligibility(
  { rules, directory }: Deps,
  who: Asker,
  ask: Ask,
  signal?: AbortSignal,
): Promise<Eligibility> {
  const decision = decideEligibility(rules, who, ask)
  if (!decision.eligible || (await isUniqueName(directory, who.person, decision.ownIdentity, signal))) return decision
  const { name, namedAfter } = decision.ownIdentity ?? {}
  const reason = `Sessions of the role ${name} are called after ${namedAfter}, and the directory does not find the requester alone by that value.`
  return { eligible: false, reason, mayAsk: [], tell: 'an owner of Latchkey' }
}

/** Whether no other account has the session name. Entra guarantees that for `userPrincipalName` only. */
async function isUniqueName(
  directory: Deps['directory'],
  { objectId }: Person,
  { sessionName, namedAfter }: Partial<OwnIdentity> = {},
  signal?: AbortSignal,
): Promise<boolean> {
  if (sessionName === undefined || namedAfter === undefined || namedAfter === 'userPrincipalName') return true
  const ids = await directory.idsWith(namedAfter, sessionName, signal)
  return ids.length === 1 && ids[0] === objectId
}
