import { LatchkeyError } from '../../errors.ts'
import type { Rules } from '../../rules/rules.ts'
import type { RecordPort } from '../../store/record-store.ts'
import { denyId, type Principal } from '../principal.ts'
import { type DenyList, readDenyList } from '../session/deny-list.ts'

/** What the record says about the role that must carry the epoch before a principal may get access. */
export interface Readiness {
  /** Id of the role's deny list (`denyId`). */
  readonly role: string
  /** The present epoch of Latchkey's data in Redis. */
  readonly epoch: string
  readonly known: DenyList | undefined
}

export async function readReadiness(
  { record, approvalKey, rules }: ReadyDeps,
  principal: Principal,
): Promise<Readiness> {
  const role = readinessOf(rules, principal)
  const [epoch, { value: known }] = await Promise.all([record.epoch(), readDenyList(record, approvalKey, role)])
  return { role, epoch, known }
}

/**
 * Refuses until the principal's role carries the record's epoch and accepts new sessions. A grant of the driver
 * `attach` waits for its account's elevation role: the adoption of an epoch removes all attached policies first.
 * @param read a readiness that was read earlier; one of another role is ignored and read again
 * @throws UNAVAILABLE
 * @returns ms since 1970: the role refuses sessions that were issued before this time
 */
export async function refuseUnlessReady(
  deps: ReadyDeps,
  principal: Principal,
  nowMs: number,
  read?: Readiness,
): Promise<number> {
  const isOfRole = read?.role === readinessOf(deps.rules, principal)
  const { epoch, known } = isOfRole ? read : await readReadiness(deps, principal)
  const ready =
    known?.epoch === epoch &&
    (principal.driver === 'attach' || known.roleId === principal.roleId) &&
    Date.parse(known.issuedBefore) <= nowMs
  if (!known || !ready) throw notReady(known?.issuedBefore, nowMs)
  return Date.parse(known.issuedBefore)
}

/** Without a known time, the caller waits for the next round of the workers: 5 seconds. */
function notReady(issuedBefore: string | undefined, nowMs: number): LatchkeyError {
  const seconds = Math.ceil((Date.parse(issuedBefore ?? '') - nowMs) / 1_000)
  return new LatchkeyError('UNAVAILABLE', { what: 'this account', retryAfterSeconds: seconds > 0 ? seconds : 5 })
}

export interface ReadyDeps {
  readonly record: RecordPort
  readonly approvalKey: string
  readonly rules: Rules
}

function readinessOf({ accounts }: Rules, principal: Principal): string {
  if (principal.driver === 'session') return denyId(principal)
  const account = [...accounts.values()].find(({ id }) => id === principal.account)
  return `${principal.account}.${account?.elevationRole.split('/').at(-1)}`
}
