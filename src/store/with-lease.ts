import type { RecordPort } from './record-store.ts'

/** The ids of all leases. */
export type LeaseId =
  /** Marking as expired the grants whose planned end has passed. */
  | 'ends'
  /** The activation or the revocation of one grant. */
  | `grant-${string}`
  /** The deny list and the Deny document of one role. */
  | `deny-${string}`
  /** The policies that are attached to one role or user. */
  | `target-${string}`
  /** The messages of one request. */
  | `copies-${string}`
  /** The comparison of the CloudTrail feed with what `latchkey aws setup` wired. */
  | 'watch-wiring'
  /** A round of the reconciler over the record, or over one account. */
  | 'reconcile'
  | `reconcile-${string}`

/** A lease is renewed while it is held. When its process dies, the other processes wait at most this long. */
export const LEASE_MS = 15_000

/** Runs `act` under a lease. `busy`: another process holds the lease, and `act` did not run. */
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
