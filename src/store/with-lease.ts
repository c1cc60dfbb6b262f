import type { RecordPort } from './record-store.ts'

/** Every lease there is. */
export type LeaseId =
  /** All ends that came on time. */
  | 'ends'
  /** The activation or the early end of one grant. */
  | `grant-${string}`
  /** The deny list and the Deny document of one role. */
  | `deny-${string}`
  /** What is attached to one role or user. */
  | `target-${string}`
  /** The messages of one request. */
  | `copies-${string}`
  /** The comparison of the feed with what was set up. */
  | 'watch-wiring'
  /** A round of the reconciler over the record, or over one account. */
  | 'reconcile'
  | `reconcile-${string}`

/** A lease is renewed while it is held. So this is only how long a process that died keeps the others waiting. */
export const LEASE_MS = 15_000

/** Runs `act` under a lease. `busy`: somebody else holds it, and `act` did not run. */
export async function withLease<T>(
  record: Pick<RecordPort, 'lease'>,
  id: LeaseId,
  milliseconds: number,
  act: () => Promise<T>,
): Promise<T | 'busy'> {
  const lease = await record.lease(id, milliseconds)
  if (!lease) return 'busy'
  try {
    return await act()
  } finally {
    await lease.release()
  }
}
