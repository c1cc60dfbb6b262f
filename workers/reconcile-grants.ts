import type { Logger } from 'pino'
import type { Driver } from '../src/grants/driver.ts'
import { LIVE } from '../src/grants/end-grant.ts'
import { checkEpoch } from '../src/grants/epoch.ts'
import { readGrants, type StoredGrant } from '../src/grants/grant.ts'
import { type Job, type JobQueue, sweepOccasion } from '../src/jobs/catalog.ts'
import type { RecordPort } from '../src/record.ts'

const LEASE_MS = 55_000
const PAGE = 500
/** Younger than this a job may simply still be under way. */
const SETTLED_MS = 30_000

export interface ReconcileNeeds {
  readonly record: RecordPort
  readonly driver: Driver
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
    await restoreJobs(needs)
    await checkEpoch(needs)
  } finally {
    await lease.release()
  }
}

async function restoreJobs({ record, queue, log }: ReconcileNeeds): Promise<void> {
  const nowMs = await record.now()
  for (let from = 0; ; ) {
    const ids = await record.list(LIVE.kind, LIVE.value, { from, limit: PAGE })
    const grants = await readGrants(record, ids)
    const jobs = grants.flatMap((stored) => overdueJob(stored, nowMs))
    if (jobs.length > 0) {
      log.warn({ jobs: jobs.length }, 'naming again the jobs of overdue grants')
      await queue.add(jobs)
    }
    const last = grants.at(-1)
    if (ids.length < PAGE || !last) return
    // Scores are the times of the yes; many may share one, so the page begins where the last one ended.
    from = Math.max(from + 1, Date.parse(last.grant.terms.decidedAt))
  }
}

function overdueJob({ grant }: StoredGrant, nowMs: number): readonly Job[] {
  const occasion = sweepOccasion(nowMs)
  const endsAtMs = Date.parse(grant.endsAt ?? '')
  if (grant.status === 'revoking' || endsAtMs < nowMs) return [{ act: 'revoke', recordId: grant.id, occasion }]
  const waits = grant.status === 'activating' && nowMs - Date.parse(grant.terms.decidedAt) > SETTLED_MS
  return waits ? [{ act: 'activate', recordId: grant.id, occasion }] : []
}
