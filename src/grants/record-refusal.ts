import type { AuditEvent } from '../audit/events.ts'
import { isLatchkeyError, LatchkeyError } from '../errors.ts'
import { newId, type RecordPort } from '../record.ts'
import type { Caller } from '../rules/caller.ts'

const HOUR_MS = 3_600_000
const MOST_REFUSALS_AN_HOUR = 120

/**
 * Writes down that somebody known was refused. What one person can make us store is bounded:
 * beyond that nothing is stored, and they are told TOO_MANY. A click that came too late is told who decided, however many came before.
 */
export async function recordRefusal(record: RecordPort, caller: Caller, event: AuditEvent): Promise<void> {
  try {
    await store(record, caller, event)
  } catch (error) {
    const wasLate = 'code' in event && event.code === 'CONFLICT'
    if (!(wasLate && isLatchkeyError(error, 'TOO_MANY'))) throw error
  }
}

async function store(record: RecordPort, caller: Caller, event: AuditEvent): Promise<void> {
  const nowMs = await record.now()
  const index = { kind: 'refusals', value: caller.objectId }
  const full = new LatchkeyError('TOO_MANY', { limit: `${MOST_REFUSALS_AN_HOUR} refusals an hour.`, next: '' })
  try {
    await record.commit({
      records: [],
      indexes: [{ ...index, id: newId('r'), at: nowMs }],
      limits: [{ ...index, since: nowMs - HOUR_MS, atMost: MOST_REFUSALS_AN_HOUR, otherwise: full }],
      audit: [event],
    })
  } catch (error) {
    if (error !== full) throw error
  }
}
