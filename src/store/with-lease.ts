import type { RecordPort } from './record-store.ts'

/** A lease is renewed while it is held. So this is only how long a process that died keeps the others waiting. */
export const LEASE_MS = 15_000

/** Runs `act` under a lease. `busy`: somebody else holds it, and `act` did not run. */
export async function withLease<T>(
  record: Pick<RecordPort, 'lease'>,
  id: string,
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
