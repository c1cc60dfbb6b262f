import type { Logger } from 'pino'
import { isLatchkeyError } from '../src/errors.ts'
import { hasEnded, readGrants } from '../src/grants/grant.ts'
import { expireGrants } from '../src/grants/grant-commits.ts'
import type { RecordPort } from '../src/store/record-store.ts'
import { againOnConflict } from '../src/store/retry.ts'
import { LEASE_MS, withLease } from '../src/store/with-lease.ts'
import type { EndsUnderWay, Expired } from './ends-in-progress.ts'

export interface ExpireDeps {
  readonly record: RecordPort
  readonly log: Logger
  readonly ends: EndsUnderWay
}

const MAX_DUE = 10_000
const BATCH = 200

/**
 * Ends every grant whose time is over, many in one write. The end is inside what AWS was given, so nothing is left to
 * revoke there.
 *
 * Callers in this process share one run. A grant that cannot be ended this way is left to its own job.
 * @throws UNAVAILABLE
 */
export function expireDue(deps: ExpireDeps): Promise<Expired> {
  const { ends } = deps
  ends.onTime ??= expireAll(deps).finally(() => {
    ends.onTime = undefined
  })
  return ends.onTime
}

async function expireAll({ record, log }: ExpireDeps): Promise<Expired> {
  // The version of each record decides which process ends it. The lease only saves doing the work twice.
  return await withLease(record, 'ends', LEASE_MS, async () => {
    const due = await record.due('grants', await record.now(), MAX_DUE)
    const ended: string[] = []
    for (let from = 0; from < due.length; from += BATCH) {
      const ids = due.slice(from, from + BATCH).map(({ id }) => id)
      ended.push(...(await tryToExpireBatch({ record, log }, ids)))
    }
    return new Set(ended)
  })
}

/** A grant that cannot be written must not stop the other batches. */
async function tryToExpireBatch(
  { record, log }: Omit<ExpireDeps, 'ends'>,
  ids: readonly string[],
): Promise<readonly string[]> {
  try {
    return await againOnConflict(() => expireBatch(record, ids))
  } catch (error) {
    if (isLatchkeyError(error, 'UNAVAILABLE')) throw error
    log.error(
      { count: ids.length, err: error },
      'a batch of expired grants could not be written; each is left to its own job',
    )
    return []
  }
}

async function expireBatch(record: RecordPort, ids: readonly string[]): Promise<readonly string[]> {
  const nowMs = await record.now()
  const over = (await readGrants(record, ids)).filter(({ grant }) => hasEnded(grant, nowMs))
  if (over.length > 0) await expireGrants(record, over, nowMs)
  return over.map(({ grant }) => grant.id)
}
