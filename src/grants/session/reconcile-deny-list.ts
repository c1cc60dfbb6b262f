import { isDeepStrictEqual } from 'node:util'
import { recordSecurityNotice } from '../../messages/security-notice.ts'
import type { DenyDocument } from '../../policies/deny-document.ts'
import { iamTime } from '../../policies/iam-time.ts'
import type { Rules } from '../../rules/rules.ts'
import type { IndexChange } from '../../store/commit.ts'
import type { RecordPort } from '../../store/record-store.ts'
import { LEASE_MS, withLease } from '../../store/with-lease.ts'
import { detachAll } from '../attach/reconcile-entity.ts'
import { freeDenySlot, holdDenySlot } from '../deny-capacity.ts'
import type { Driver } from '../driver.ts'
import { denyId, type SessionPrincipal } from '../principal.ts'
import {
  type DenyList,
  denyListCommit,
  documentOf,
  isHeld,
  mergeDenied,
  readDenyList,
  unknownUntil,
} from './deny-list.ts'
import { auditEventOf, type Did, type Found } from './deny-list-audit.ts'
import { adoptionNotice } from './epoch-adoption-notice.ts'
import { revokeAlreadyDenied, revokeOlderThanRecord } from './revoke-already-denied.ts'
import {
  alarmIfFull,
  type DenyDraft,
  type DenyLog,
  LONGEST_VEND_MS,
  warnAbout,
  writeWithRoom,
} from './write-deny-document.ts'

/**
 * After every write the document is checked again at these delays, because an earlier write whose response was lost may
 * take effect late.
 */
const CHECK_AGAIN_MS = [10_000, 60_000] as const
export interface DenyDeps {
  readonly record: RecordPort
  readonly driver: Driver
  readonly approvalKey: string
  readonly rules: Pick<Rules, 'accounts' | 'entitlements' | 'securityChannel'>
  readonly log: DenyLog
}

export interface Round {
  /** Returns the ids to deny from now on. It is called after the lease of the role is acquired. */
  readonly added?: () => Promise<DenyList['denied']>
  /** Whether the role's entry in the due index is due. */
  readonly isDue?: boolean
}

interface Plan {
  readonly added: DenyList['denied']
  /** The ids that AWS denies and whose grant is believed, with the time from which they may leave. */
  readonly explained: DenyList['denied']
  readonly isDue: boolean
}

/**
 * Reconciles the Deny document of one role; the only writer of it. Adds new denials, restores ids that AWS lost, drops
 * expired ones, and adopts a document of another epoch. An id stays denied until it may leave, and `issuedBefore` never
 * decreases.
 * @returns `busy`: another process reconciles the role. `kept`: the whole document was verified in AWS.
 */
export async function reconcileDenyList(
  deps: DenyDeps,
  principal: SessionPrincipal,
  round: Round = {},
): Promise<'kept' | 'busy'> {
  return await withLease(deps.record, `deny-${denyId(principal)}`, LEASE_MS, async () => {
    const added = (await round.added?.()) ?? []
    const found = await readFound(deps, principal)
    const explained = await revokeAlreadyDenied(deps, principal, found.held?.denied ?? [])
    await writeDenyList(deps, principal, found, { added, explained, isDue: round.isDue ?? false })
    return 'kept' as const
  })
}

async function readFound({ record, driver, approvalKey }: DenyDeps, principal: SessionPrincipal): Promise<Found> {
  const [nowMs, awsMs, epoch, { version, value }, held] = await Promise.all([
    record.now(),
    driver.now(),
    record.epoch(),
    readDenyList(record, approvalKey, denyId(principal)),
    driver.readDeny(principal),
  ])
  const known = value?.roleId === principal.roleId ? value : undefined
  return { nowMs, awsMs, epoch, version, known, adopted: value?.epoch, held }
}

async function writeDenyList(deps: DenyDeps, principal: SessionPrincipal, found: Found, plan: Plan) {
  const { nowMs, version, known, held } = found
  const adopting = isOfAnotherEpoch(found)
  const draft = draftOf(deps, principal, found, { ...plan, adopting })
  // The notice is recorded before the document is overwritten, because only the old document proves what was found.
  if (adopting)
    await recordSecurityNotice(deps, adoptionNotice(found, principal.roleArn, isFirstRole(deps.rules, principal)))
  const mustWrite = !isHeld(held, documentOf(draft))
  const { made, leftOut } = mustWrite
    ? await writeWithRoom(deps.driver, principal, draft, found)
    : { made: draft, leftOut: [] }
  if (adopting || found.adopted !== found.epoch) await detachIfFirstRole(deps, principal)
  const writtenAt = mustWrite ? new Date(nowMs).toISOString() : (known?.writtenAt ?? new Date(nowMs).toISOString())
  const next = { ...made, writtenAt }
  // Rounds run every minute. One that changed nothing writes no commit and no audit event.
  if (!plan.isDue && isDeepStrictEqual(next, known)) return
  const event = auditEventOf(found, next, { adopting, mustWrite, added: plan.added.length > 0 })
  warnAbout(deps.log, event)
  const audit = [event, ...alarmIfFull(deps.log, made, leftOut)]
  const commit = denyListCommit(deps.approvalKey, version, next, nextCheckAt(next, nowMs), audit)
  await deps.record.commit({ ...commit, indexes: slotChanges(principal, made.denied, leftOut) })
}

function draftOf(
  { rules }: DenyDeps,
  { account, roleArn, roleId }: SessionPrincipal,
  { nowMs, awsMs, epoch, known, held }: Found,
  { explained, added, adopting }: Plan & Pick<Did, 'adopting'>,
): DenyDraft {
  const heldUntil = { denied: [], ...held, until: unknownUntil(rules, nowMs) }
  // Ids leave by the slower of two clocks, because a clock that was set forward must not lift a denial.
  const denied = mergeDenied([...explained, ...(known?.denied ?? [])], heldUntil, added, Math.min(nowMs, awsMs))
  const issuedBefore = adopting ? iamTime(awsMs + (held || known ? LONGEST_VEND_MS : 1_000)) : newest(known, held)
  return { account, roleArn, roleId, epoch, issuedBefore, denied }
}

/**
 * Gives a deny slot to every id that AWS denies, even one that Latchkey did not add, and frees the slots of ids
 * that no grant explains and that did not fit into the Deny document. New requests are refused when the slots are used up.
 */
function slotChanges(
  principal: SessionPrincipal,
  denied: DenyList['denied'],
  leftOut: DenyList['denied'],
): readonly IndexChange[] {
  const own = `${principal.roleId}:`
  const idOf = (userid: string) => (userid.startsWith(own) ? userid.slice(own.length) : userid)
  return [
    ...denied.flatMap(({ userid, until }) => holdDenySlot(principal, idOf(userid), Date.parse(until))),
    ...leftOut.flatMap(({ userid, unexplained }) => (unexplained ? freeDenySlot(principal, idOf(userid)) : [])),
  ]
}

/**
 * Attached policies from another epoch cannot be trusted, so all are removed. This runs once per account, with its
 * first role: grants of the driver `attach` wait for the adoption of that role, which is recorded only after this.
 */
async function detachIfFirstRole(deps: DenyDeps, principal: SessionPrincipal): Promise<void> {
  if (!isFirstRole(deps.rules, principal)) return
  await detachAll(deps, principal.account)
  await revokeOlderThanRecord(deps, principal.account)
}

function isFirstRole({ accounts }: DenyDeps['rules'], { account, roleArn }: SessionPrincipal): boolean {
  const ofAccount = [...accounts.values()].filter(({ id }) => id === account)
  return ofAccount.some(({ elevationRole }) => roleArn === `arn:aws:iam::${account}:role/${elevationRole}`)
}

/**
 * Whether AWS carries another epoch than the record. If there is no Deny document, the epoch in the recorded deny list
 * is compared. If there is neither, this is true.
 */
function isOfAnotherEpoch({ held, known, epoch }: Found): boolean {
  return held ? held.epoch !== epoch : known?.epoch !== epoch
}

function newest(known: DenyList | undefined, held: DenyDocument | undefined): string {
  return iamTime(Math.max(Date.parse(known?.issuedBefore ?? '') || 0, Date.parse(held?.issuedBefore ?? '') || 0))
}

function nextCheckAt({ writtenAt, denied }: DenyList, nowMs: number): number | null {
  const times = [
    ...CHECK_AGAIN_MS.map((afterMs) => Date.parse(writtenAt) + afterMs),
    ...denied.map(({ until }) => Date.parse(until)),
  ].filter((at) => at > nowMs)
  return times.length > 0 ? Math.min(...times) : null
}
