import type { AuditEvent } from '../audit/events.ts'
import { LatchkeyError } from '../errors.ts'
import { newId, type RecordPort } from '../record.ts'
import type { Caller } from '../rules/caller.ts'

const HOUR_MS = 3_600_000
const MOST_REFUSALS_AN_HOUR = 120

/**
 * Writes down that somebody known was refused. What one person can make us store is bounded:
 * beyond that they are told TOO_MANY, and nothing is stored any more.
 */
export async function recordRefusal(record: RecordPort, caller: Caller, event: AuditEvent): Promise<void> {
  const nowMs = await record.now()
  const index = { kind: 'refusals', value: caller.objectId }
  await record.commit({
    records: [],
    indexes: [{ ...index, id: newId('r'), at: nowMs }],
    limits: [
      {
        ...index,
        since: nowMs - HOUR_MS,
        atMost: MOST_REFUSALS_AN_HOUR,
        otherwise: new LatchkeyError('TOO_MANY', {
          limit: `You were refused ${MOST_REFUSALS_AN_HOUR} times within an hour.`,
          next: 'Wait an hour, or ask the owner of the bucket for help.',
        }),
      },
    ],
    audit: [event],
  })
}
