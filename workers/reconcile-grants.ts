import type { Logger } from 'pino'
import { LIVE } from '../src/grants/end-grant.ts'
import { checkEpoch } from '../src/grants/epoch.ts'
import { readGrants, type StoredGrant } from '../src/grants/grant.ts'
import type { DenyNeeds } from '../src/grants/keep-deny.ts'
import { type Job, type JobQueue, sweepOccasion } from '../src/jobs/catalog.ts'

const LEASE_MS = 55_000
const PAGE = 500
/** Ids only; far more than can be live at once. */
const MOST_LIVE = 1_000_000
/** Younger than this a job may simply still be under way. */
const SETTLED_MS = 30_000

export interface ReconcileNeeds extends DenyNeeds {
  readonly queue: JobQueue
  readonly log: Logger
}

/**
 * One round over everything that is not over yet. It only ever takes access away: it names again the jobs of grants that wait for
 * their activation or should have ended, and makes AWS refuse again what it should refuse.
 */
export async function reconcileGrants(needs: ReconcileNeeds): Promise<void> {
  const lease = await needs.record.lease('reconcile', LEASE_MS)
  // Another process is at it.
  if (!lease) return
  try {
    // A queue that is down must not keep what AWS refuses from being looked at.
    const outcomes = await Promise.allSettled([restoreJobs(needs), checkEpoch(needs)])
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed) throw failed.reason
  } finally {
    await lease.release()
  }
}

async function restoreJobs({ record, queue, log }: ReconcileNeeds): Promise<void> {
  const nowMs = await record.now()
  // By the index's own order: a record that cannot be read must not hide those behind it.
  const ids = await record.list(LIVE.kind, LIVE.value, { limit: MOST_LIVE })
  for (let from = 0; from < ids.length; from += PAGE) {
    const grants = await readGrants(record, ids.slice(from, from + PAGE))
    const jobs = grants.flatMap((stored) => overdueJob(stored, nowMs))
    if (jobs.length === 0) continue
    log.warn({ jobs: jobs.length }, 'naming again the jobs of overdue grants')
    await queue.add(jobs)
  }
}

function overdueJob({ grant }: StoredGrant, nowMs: number): readonly Job[] {
  const occasion = sweepOccasion(nowMs)
  const endsAtMs = Date.parse(grant.endsAt ?? '')
  if (grant.status === 'revoking' || endsAtMs < nowMs) return [{ act: 'revoke', recordId: grant.id, occasion }]
  const waits = grant.status === 'activating' && nowMs - Date.parse(grant.terms.decidedAt) > SETTLED_MS
  return waits ? [{ act: 'activate', recordId: grant.id, occasion }] : []
}
