import { settleAll } from '../src/async.ts'
import { listEntities, listRecentEntities } from '../src/grants/attach/find-on-entity.ts'
import { type EntityDeps, reconcileEntity } from '../src/grants/attach/reconcile-entity.ts'
import type { IamEntity } from '../src/grants/driver.ts'
import { entityId } from '../src/grants/iam-entity.ts'
import { reconcileRoles } from '../src/grants/recovery/epoch.ts'
import type { DenyDeps } from '../src/grants/session/reconcile-deny-list.ts'
import type { Account } from '../src/rules/rules.ts'
import { RECONCILED_ACCOUNTS, RECONCILED_DOCUMENTS, RECONCILED_TARGETS } from '../src/store/indexes.ts'

/** Rounds come each minute, so every IAM entity is reconciled within a quarter of an hour. */
const ENTITY_EVERY_MS = 13 * 60_000
/** Every policy document of ours is compared within the hour. */
const DOCUMENTS_EVERY_MS = 57 * 60_000
const AT_ONCE = 5

export type AccountDeps = DenyDeps & EntityDeps

/**
 * Reconciles one account: the Deny document of every role, and the policies of every IAM entity that is due. Only a
 * round without an error sets the account's reconcile time.
 */
export async function reconcileAccount(deps: AccountDeps, account: Account): Promise<void> {
  const { record } = deps
  const nowMs = await record.now()
  const parts = [() => reconcileRoles(deps, account), () => reconcileEntities(deps, account, nowMs)]
  await settleAll(parts, (reconcile) => reconcile())
  await record.commit({ records: [], indexes: [{ ...RECONCILED_ACCOUNTS, id: account.name, at: nowMs }], audit: [] })
}

interface DueEntity {
  readonly entity: IamEntity
  readonly id: string
  /** Whether the content of its policy documents is compared too. */
  readonly documents: boolean
}

/** Reconciles a few entities at a time, so that one that hangs does not delay the others. */
async function reconcileEntities(deps: AccountDeps, account: Account, nowMs: number): Promise<void> {
  const due = await dueEntities(deps, account, nowMs)
  await settleAll(due, (one) => reconcileOne(deps, one, nowMs), AT_ONCE)
}

async function reconcileOne(deps: AccountDeps, { entity, id, documents }: DueEntity, at: number): Promise<void> {
  if ((await reconcileEntity(deps, entity, { documents })) === 'busy') return
  const indexes = [{ ...RECONCILED_TARGETS, id, at }, ...(documents ? [{ ...RECONCILED_DOCUMENTS, id, at }] : [])]
  await deps.record.commit({ records: [], indexes, audit: [] })
}

/**
 * Each round has the entities with a grant in the last day, and the others when their time has come. Those that were
 * not reconciled for longest come first.
 */
async function dueEntities(deps: AccountDeps, account: Account, nowMs: number): Promise<readonly DueEntity[]> {
  const { record } = deps
  const [entities, recent, reconciledAt, comparedAt] = await Promise.all([
    listEntities(deps),
    listRecentEntities(record),
    record.scores(RECONCILED_TARGETS.kind, RECONCILED_TARGETS.value),
    record.scores(RECONCILED_DOCUMENTS.kind, RECONCILED_DOCUMENTS.value),
  ])
  const withGrants = new Set(recent.map(entityId))
  return entities
    .filter((entity) => entity.account === account.id)
    .map((entity) => ({ entity, id: entityId(entity) }))
    .map((one) => ({ ...one, documents: ageOf(comparedAt, one.id, nowMs) >= DOCUMENTS_EVERY_MS }))
    .filter(({ id, documents }) => documents || withGrants.has(id) || ageOf(reconciledAt, id, nowMs) >= ENTITY_EVERY_MS)
    .sort((a, b) => ageOf(reconciledAt, b.id, nowMs) - ageOf(reconciledAt, a.id, nowMs))
}

/** Milliseconds since the last check. A missing time, or one in the future (a clock was set back), makes the check due now. */
function ageOf(lastAt: ReadonlyMap<string, number>, id: string, nowMs: number): number {
  const ageMs = nowMs - (lastAt.get(id) ?? 0)
  return ageMs < 0 ? nowMs : ageMs
}
