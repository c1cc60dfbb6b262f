import { settleAll } from '../src/async.ts'
import { listEntities, listRecentEntities } from '../src/grants/attach/find-on-entity.ts'
import { type EntityDeps, reconcileEntity } from '../src/grants/attach/reconcile-entity.ts'
import type { IamEntity } from '../src/grants/driver.ts'
import { entityId } from '../src/grants/iam-entity.ts'
import { reconcileRoles } from '../src/grants/recovery/epoch.ts'
import type { DenyDeps } from '../src/grants/session/reconcile-deny-list.ts'
import type { Account } from '../src/rules/rules.ts'
import { RECONCILED_ACCOUNTS, RECONCILED_DOCUMENTS, RECONCILED_TARGETS } from '../src/store/indexes.ts'

/** Rounds come each minute: so every target within a quarter of an hour, and every document of ours within the hour. */
const TARGET_EVERY_MS = 13 * 60_000
const DOCUMENTS_EVERY_MS = 57 * 60_000
const AT_ONCE = 5

export type AccountDeps = DenyDeps & EntityDeps

/**
 * What one account holds: the Deny document of every role, and the policies of every target that is due. Its age begins anew only with a round
 * that was whole.
 */
export async function reconcileAccount(deps: AccountDeps, account: Account): Promise<void> {
  const { record } = deps
  const nowMs = await record.now()
  const parts = [() => reconcileRoles(deps, account), () => reconcileEntities(deps, account, nowMs)]
  await settleAll(parts, (reconcile) => reconcile())
  await record.commit({ records: [], indexes: [{ ...RECONCILED_ACCOUNTS, id: account.name, at: nowMs }], audit: [] })
}

interface Look {
  readonly target: IamEntity
  readonly id: string
  readonly documents: boolean
}

/** A few at a time, so that one that hangs holds up none of the others. */
async function reconcileEntities(deps: AccountDeps, account: Account, nowMs: number): Promise<void> {
  const looks = await dueLooks(deps, account, nowMs)
  await settleAll(looks, (look) => reconcileOne(deps, look, nowMs), AT_ONCE)
}

async function reconcileOne(deps: AccountDeps, { target, id, documents }: Look, at: number): Promise<void> {
  if ((await reconcileEntity(deps, target, { documents })) === 'busy') return
  const indexes = [{ ...RECONCILED_TARGETS, id, at }, ...(documents ? [{ ...RECONCILED_DOCUMENTS, id, at }] : [])]
  await deps.record.commit({ records: [], indexes, audit: [] })
}

/** Each minute those with a grant in the last day; the others when their time has come, the longest not looked at first. */
async function dueLooks(deps: AccountDeps, account: Account, nowMs: number): Promise<readonly Look[]> {
  const { record } = deps
  const [targets, recent, seenAt, comparedAt] = await Promise.all([
    listEntities(deps),
    listRecentEntities(record),
    record.scores(RECONCILED_TARGETS.kind, RECONCILED_TARGETS.value),
    record.scores(RECONCILED_DOCUMENTS.kind, RECONCILED_DOCUMENTS.value),
  ])
  const withGrants = new Set(recent.map(entityId))
  return targets
    .filter((target) => target.account === account.id)
    .map((target) => ({ target, id: entityId(target) }))
    .map((one) => ({ ...one, documents: ageOf(comparedAt, one.id, nowMs) >= DOCUMENTS_EVERY_MS }))
    .filter(({ id, documents }) => documents || withGrants.has(id) || ageOf(seenAt, id, nowMs) >= TARGET_EVERY_MS)
    .sort((a, b) => ageOf(seenAt, b.id, nowMs) - ageOf(seenAt, a.id, nowMs))
}

/** What is to come is no time of a look: somebody set a clock, or wrote it. */
function ageOf(lastAt: ReadonlyMap<string, number>, id: string, nowMs: number): number {
  const ageMs = nowMs - (lastAt.get(id) ?? 0)
  return ageMs < 0 ? nowMs : ageMs
}
