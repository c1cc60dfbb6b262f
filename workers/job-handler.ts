import type { RecordPort } from '../src/store/record-store.ts'
import { LEASE_MS, type LeaseId, withLease } from '../src/store/with-lease.ts'

/** What a handler returns. */
export interface JobOutcome {
  /** Run the job again, not before this Redis time (ms). Absent: the job is done. */
  readonly againAt?: number
}

/** How long a job waits while another process holds the lease it needs. */
export const RUN_AGAIN_MS = 250

/** Runs a handler under a lease. While another process holds it, the job is to run again after `RUN_AGAIN_MS`. */
export async function handleAlone(
  record: Pick<RecordPort, 'lease' | 'now'>,
  leaseId: LeaseId,
  handle: () => Promise<JobOutcome>,
): Promise<JobOutcome> {
  const outcome = await withLease(record, leaseId, LEASE_MS, handle)
  return outcome === 'busy' ? { againAt: (await record.now()) + RUN_AGAIN_MS } : outcome
}
