import { LatchkeyError } from '../../errors.ts'
import type { Rules } from '../../rules/rules.ts'
import type { RecordPort } from '../../store/record-store.ts'
import { denyId, type Principal } from '../principal.ts'
import { type DenyList, readDenyList } from '../session/deny-list.ts'

/** What the record says of the role on which a principal waits. */
export interface Readiness {
  readonly role: string
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
 * @param read In the same round trip as what else was needed; of another role it counts for nothing, and is read again.
 * @throws UNAVAILABLE while the account is not known to carry this record's epoch, or while it would refuse a new session. An `attach` grant waits
 * for its account's elevation role: the round that adopts another epoch takes away every attached policy first.
 * @returns ms since 1970: sessions issued before that are refused
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

/** Without a time that is known, a round of the workers is what it waits for. */
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
