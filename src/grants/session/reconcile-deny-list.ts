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
import { adoptionNotice } from './adoption-notice.ts'
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
import { revokeAlreadyDenied, revokeOlderThanRecord } from './revoke-already-denied.ts'
import {
  alarmIfFull,
  type DenyDraft,
  type DenyLog,
  LONGEST_VEND_MS,
  warnAbout,
  writeWithRoom,
} from './write-deny-document.ts'

/** A write whose answer was lost may land late, so AWS is looked at again. */
const LOOK_AGAIN_MS = [10_000, 60_000] as const
export interface DenyDeps {
  readonly record: RecordPort
  readonly driver: Driver
  readonly approvalKey: string
  readonly rules: Pick<Rules, 'accounts' | 'entitlements' | 'securityChannel'>
  readonly log: DenyLog
}

export interface Round {
  /** Who must be refused from now on; asked for once nobody else writes the role. */
  readonly added?: () => Promise<DenyList['denied']>
  /** The role's entry in the due index has come. */
  readonly isDue?: boolean
}

interface Plan {
  readonly added: DenyList['denied']
  /** When ids that AWS denies may leave, where the record can prove it. */
  readonly explained: DenyList['denied']
  readonly isDue: boolean
}

/**
 * One round over one role, the only one that writes its Deny document: adds who must be refused, puts back what AWS lost, lets go what is over,
 * and adopts a document of another epoch. An id already denied stays denied; `issuedBefore` never goes back.
 * @returns `busy`: somebody else is at it. `kept`: AWS was read back with all of it.
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
  // Before it is written over: only what AWS holds bears witness to what was found.
  if (adopting)
    await recordSecurityNotice(deps, adoptionNotice(found, principal.roleArn, isFirstRole(deps.rules, principal)))
  const mustWrite = !isHeld(held, documentOf(draft))
  const { made, leftOut } = mustWrite
    ? await writeWithRoom(deps.driver, principal, draft, found)
    : { made: draft, leftOut: [] }
  if (adopting || found.adopted !== found.epoch) await detachIfFirstRole(deps, principal)
  const writtenAt = mustWrite ? new Date(nowMs).toISOString() : (known?.writtenAt ?? new Date(nowMs).toISOString())
  const next = { ...made, writtenAt }
  // Rounds come every minute: one that found all as it was leaves no trace.
  if (!plan.isDue && isDeepStrictEqual(next, known)) return
  const event = auditEventOf(found, next, { adopting, mustWrite, added: plan.added.length > 0 })
  warnAbout(deps.log, event)
  const audit = [event, ...alarmIfFull(deps.log, made, leftOut)]
  const commit = denyListCommit(deps.approvalKey, version, next, nextLook(next, nowMs), audit)
  await deps.record.commit({ ...commit, indexes: slotChanges(principal, made.denied, leftOut) })
}

function draftOf(
  { rules }: DenyDeps,
  { account, roleArn, roleId }: SessionPrincipal,
  { nowMs, awsMs, epoch, known, held }: Found,
  { explained, added, adopting }: Plan & Pick<Did, 'adopting'>,
): DenyDraft {
  const heldUntil = { denied: [], ...held, until: unknownUntil(rules, nowMs) }
  // Ids leave by the slower of two clocks: one that was set forward must not let anybody back in.
  const denied = mergeDenied([...explained, ...(known?.denied ?? [])], heldUntil, added, Math.min(nowMs, awsMs))
  const issuedBefore = adopting ? iamTime(awsMs + (held || known ? LONGEST_VEND_MS : 1_000)) : newest(known, held)
  return { account, roleArn, roleId, epoch, issuedBefore, denied }
}

/** Whatever AWS denies takes a place, what nobody asked for here too: so what is live and what is denied never outgrow the document together. */
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
 * Of another epoch nothing that is attached can be trusted either. Once for an account, with its first role: that is the one whose adoption
 * grants of the driver `attach` wait for, and the record says that it is adopted only after this.
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

/** What AWS holds counts first. Without any, the record alone says whether the role was ever ours in this epoch. */
function isOfAnotherEpoch({ held, known, epoch }: Found): boolean {
  return held ? held.epoch !== epoch : known?.epoch !== epoch
}

function newest(known: DenyList | undefined, held: DenyDocument | undefined): string {
  return iamTime(Math.max(Date.parse(known?.issuedBefore ?? '') || 0, Date.parse(held?.issuedBefore ?? '') || 0))
}

function nextLook({ writtenAt, denied }: DenyList, nowMs: number): number | null {
  const looks = [
    ...LOOK_AGAIN_MS.map((afterMs) => Date.parse(writtenAt) + afterMs),
    ...denied.map(({ until }) => Date.parse(until)),
  ].filter((at) => at > nowMs)
  return looks.length > 0 ? Math.min(...looks) : null
}
