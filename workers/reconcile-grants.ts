import type { Logger } from 'pino'
import { readGrants, type StoredGrant } from '../src/grants/grant.ts'
import { type Job, type JobQueue, sweepOccasion } from '../src/jobs/catalog.ts'
import type { Account } from '../src/rules/rules.ts'
import { LIVE } from '../src/store/indexes.ts'
import { withLease } from '../src/store/with-lease.ts'
import { within } from './loop.ts'
import { type AccountDeps, reconcileAccount } from './reconcile-account.ts'

const LEASE_MS = 55_000
/** After this time the next round begins; work that takes longer goes on beside it. */
const ROUND_LIMIT_MS = 50_000
const PAGE = 500
/** Far more grants than can be live at once. Only their ids are read in one go. */
const MAX_LIVE = 1_000_000
/** For this long after the approval, an activation may still be under way. */
const SETTLED_MS = 30_000

export interface ReconcileDeps extends AccountDeps {
  readonly queue: JobQueue
  readonly log: Logger
}

/**
 * One round over all live grants and all AWS accounts. It enqueues again the jobs of grants that wait for their
 * activation or should have ended, and reconciles each account. It never adds access itself.
 *
 * An account that fails or hangs does not delay the others.
 */
export async function reconcileGrants(deps: ReconcileDeps): Promise<void> {
  const accounts = [...deps.rules.accounts.values()]
  const reconciled = accounts.map((account) => reconcileOne(deps, account))
  const restored = withLease(deps.record, 'reconcile', LEASE_MS, () => restoreJobs(deps))
  const round = Promise.allSettled([restored, ...reconciled])
  if (!(await within(ROUND_LIMIT_MS, round)))
    deps.log.error('a round of the reconciler takes too long; the next one begins')
  else await restored
}

/** Logs why an account could not be reconciled. The metric `latchkey_reconcile_age_seconds` says for how long. */
async function reconcileOne(deps: ReconcileDeps, account: Account): Promise<void> {
  try {
    await withLease(deps.record, `reconcile-${account.name}`, LEASE_MS, () => reconcileAccount(deps, account))
  } catch (error) {
    deps.log.error({ account: account.name, err: error }, 'an account could not be reconciled')
  }
}

async function restoreJobs(deps: ReconcileDeps): Promise<void> {
  const { record, queue, log } = deps
  const nowMs = await record.now()
  // All ids are read at once, in the index's order: a record that cannot be read must not hide the later ones.
  const ids = await record.list(LIVE.kind, LIVE.value, { limit: MAX_LIVE })
  for (let from = 0; from < ids.length; from += PAGE) {
    const grants = await readGrants(record, ids.slice(from, from + PAGE))
    reportUnnamed(deps, grants)
    const jobs = grants.flatMap((stored) => overdueJob(stored, nowMs))
    if (jobs.length === 0) continue
    log.warn({ jobs: jobs.length }, 'jobs of overdue grants are enqueued again')
    await queue.add(jobs)
  }
}

/**
 * Logs live grants in accounts that the rules do not name. AWS ends them on time, but nobody can end them early, and no
 * round reconciles those accounts.
 */
function reportUnnamed({ rules, log }: ReconcileDeps, grants: readonly StoredGrant[]): void {
  const named = new Set([...rules.accounts.values()].map(({ id }) => id))
  const unnamed = grants.filter(({ grant }) => !named.has(grant.terms.principal.account))
  if (unnamed.length === 0) return
  const accounts = [...new Set(unnamed.map(({ grant }) => grant.terms.principal.account))]
  log.error(
    { accounts, grants: unnamed.length },
    'grants are live in accounts that the rules do not name: put those back into the rules until they are over',
  )
}

function overdueJob({ grant }: StoredGrant, nowMs: number): readonly Job[] {
  const occasion = sweepOccasion(nowMs)
  const endsAtMs = Date.parse(grant.endsAt ?? '')
  if (grant.status === 'revoking' || endsAtMs < nowMs) return [{ act: 'revoke', recordId: grant.id, occasion }]
  const isWaiting = grant.status === 'activating' || grant.unwritten === true
  const waits = isWaiting && nowMs - Date.parse(grant.terms.decidedAt) > SETTLED_MS
  return waits ? [{ act: 'activate', recordId: grant.id, occasion }] : []
}
