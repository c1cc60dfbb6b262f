import { LATCHKEY } from '../audit/events.ts'
import { isLatchkeyError } from '../errors.ts'
import type { RecordPort } from '../record.ts'
import { userIdOf } from './deny-record.ts'
import type { SessionPrincipal } from './driver.ts'
import { beginRevoke } from './end-grant.ts'
import { readGrants } from './grant.ts'

/** AWS denies it, and the record calls it live: the record is older than the end, or somebody denied it by hand. It stays ended. */
export async function endResurrected(
  record: RecordPort,
  principal: SessionPrincipal,
  held: readonly string[],
): Promise<void> {
  const ids = held.map((userid) => userid.slice(userid.indexOf(':') + 1))
  for (const stored of await readGrants(record, ids)) {
    const { id, status } = stored.grant
    const isLive = status === 'activating' || status === 'active'
    if (!isLive || !held.includes(userIdOf(principal, id))) continue
    await endIt(record, stored)
  }
}

async function endIt(record: RecordPort, stored: Parameters<typeof beginRevoke>[1]): Promise<void> {
  try {
    await beginRevoke(record, stored, {
      cause: 'ended-before',
      actor: LATCHKEY,
      detail: 'AWS already denies this grant; the record is older than its end.',
    })
  } catch (error) {
    // It moved meanwhile; whoever moved it, or the next round, sees to it.
    if (!isLatchkeyError(error, 'CONFLICT')) throw error
  }
}
