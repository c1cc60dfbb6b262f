import type { RecordPort } from '../src/store/record-store.ts'
import { LEASE_MS, type LeaseId, withLease } from '../src/store/with-lease.ts'

/** What a handler says when it is through: nothing more to do, or to be run again not before this Redis time (ms). */
export interface JobOutcome {
  readonly againAt?: number
}

/** When somebody else holds the lease. */
export const RUN_AGAIN_MS = 250

/** Runs a handler under a lease, or says when to try again. */
export async function handleAlone(
  record: Pick<RecordPort, 'lease' | 'now'>,
  leaseId: LeaseId,
  handle: () => Promise<JobOutcome>,
): Promise<JobOutcome> {
  const outcome = await withLease(record, leaseId, LEASE_MS, handle)
  return outcome === 'busy' ? { againAt: (await record.now()) + RUN_AGAIN_MS } : outcome
}
