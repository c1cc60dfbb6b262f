import type { Directory, Person } from './directory.ts'
import { type Ask, type Asker, decideEligibility, type Eligibility } from './eligibility.ts'
import type { OwnIdentity } from './principal-rules.ts'
import type { Rules } from './rules.ts'

interface Deps {
  readonly rules: Rules
  readonly directory: Pick<Directory, 'idsWith'>
}

/** What the rules say, and the directory where sessions are called after it: a name that two people have would give one of them the other's grant. */
export async function readEligibility(
  { rules, directory }: Deps,
  who: Asker,
  ask: Ask,
  signal?: AbortSignal,
): Promise<Eligibility> {
  const decision = decideEligibility(rules, who, ask)
  if (!decision.eligible || (await isAlone(directory, who.person, decision.ownIdentity, signal))) return decision
  const { name, namedAfter } = decision.ownIdentity ?? {}
  const reason = `Sessions of the role ${name} are called after ${namedAfter}, and the directory does not find the requester alone by that value.`
  return { eligible: false, reason, mayAsk: [], tell: 'an owner of Latchkey' }
}

/** Entra gives one sign-in name to one account only; of the other attributes nobody sees to that. */
async function isAlone(
  directory: Deps['directory'],
  { objectId }: Person,
  { sessionName, namedAfter }: Partial<OwnIdentity> = {},
  signal?: AbortSignal,
): Promise<boolean> {
  if (sessionName === undefined || namedAfter === undefined || namedAfter === 'userPrincipalName') return true
  const ids = await directory.idsWith(namedAfter, sessionName, signal)
  return ids.length === 1 && ids[0] === objectId
}
