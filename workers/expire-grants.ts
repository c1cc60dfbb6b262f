import type { Logger } from 'pino'
import { isLatchkeyError } from '../src/errors.ts'
import { hasEnded, readGrants } from '../src/grants/grant.ts'
import { expireGrants } from '../src/grants/grant-commits.ts'
import type { RecordPort } from '../src/store/record-store.ts'
import { againOnConflict } from '../src/store/retry.ts'
import { LEASE_MS, withLease } from '../src/store/with-lease.ts'
import type { EndsUnderWay, Expired } from './ends-under-way.ts'

export interface ExpireDeps {
  readonly record: RecordPort
  readonly log: Logger
  readonly ends: EndsUnderWay
}

const MOST = 10_000
const AT_ONCE = 200

/**
 * Ends every grant whose time is over, many in one write: their end is inside what AWS was given, so nothing is left to take away. Whoever comes
 * while this process is at it waits for the outcome. What cannot be ended so is left to its own job.
 */
export function expireDue(deps: ExpireDeps): Promise<Expired> {
  const { ends } = deps
  ends.onTime ??= expireAll(deps).finally(() => {
    ends.onTime = undefined
  })
  return ends.onTime
}

async function expireAll({ record, log }: ExpireDeps): Promise<Expired> {
  // The version of each record decides who ends it; the lease only keeps processes from deciding it all twice.
  return await withLease(record, 'ends', LEASE_MS, async () => {
    const due = await record.due('grants', await record.now(), MOST)
    const ended: string[] = []
    for (let from = 0; from < due.length; from += AT_ONCE) {
      const ids = due.slice(from, from + AT_ONCE).map(({ id }) => id)
      ended.push(...(await tryToExpire({ record, log }, ids)))
    }
    return new Set(ended)
  })
}

/** One that cannot be written must not hide the others. */
async function tryToExpire(
  { record, log }: Omit<ExpireDeps, 'ends'>,
  ids: readonly string[],
): Promise<readonly string[]> {
  try {
    return await againOnConflict(() => expireSome(record, ids))
  } catch (error) {
    if (isLatchkeyError(error, 'UNAVAILABLE')) throw error
    log.error({ count: ids.length, err: error }, 'ends could not be written together; each is left to its own job')
    return []
  }
}

async function expireSome(record: RecordPort, ids: readonly string[]): Promise<readonly string[]> {
  const nowMs = await record.now()
  const over = (await readGrants(record, ids)).filter(({ grant }) => hasEnded(grant, nowMs))
  if (over.length > 0) await expireGrants(record, over, nowMs)
  return over.map(({ grant }) => grant.id)
}
