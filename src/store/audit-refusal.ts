import { type AuditEvent, byPerson } from '../audit/events.ts'
import { isLatchkeyError, LatchkeyError } from '../errors.ts'
import type { Limit } from './commit.ts'
import { newId } from './ids.ts'
import { REFUSALS_OF } from './indexes.ts'
import type { RecordPort } from './record-store.ts'
import { isLostRace } from './retry.ts'

/** The person who was refused, by Entra object id. */
interface Refused {
  readonly objectId: string
}

const HOUR_MS = 3_600_000
const MOST_REFUSALS_AN_HOUR = 120
/** The audit stores only the beginning of what a refused person wrote, which is enough to recognise it. */
const MOST_CHARACTERS = 500
const MOST_SCOPES = 3

/** False for UNAVAILABLE (a service did not answer) and for a lost race, which is run again. */
export function isRefusal(error: unknown): error is LatchkeyError {
  return error instanceof LatchkeyError && error.code !== 'UNAVAILABLE' && !isLostRace(error)
}

/** Limits how many refusals Latchkey stores for one person. */
export function refusalLimit({ objectId }: Refused, nowMs: number): Limit {
  return {
    kind: REFUSALS_OF,
    value: objectId,
    since: nowMs - HOUR_MS,
    atMost: MOST_REFUSALS_AN_HOUR,
    otherwise: new LatchkeyError('TOO_MANY', {
      limit: `You were refused ${MOST_REFUSALS_AN_HOUR} times within an hour.`,
      next: 'Wait a little before you ask again.',
    }),
  }
}

type RefusalEvent = Extract<AuditEvent, { readonly kind: `${string}.refused` }>

/** The fields of a refusal's audit event without the refused person and the reason. */
type Facts<E = RefusalEvent> = E extends RefusalEvent ? Omit<E, 'actor' | 'code' | 'sentence'> : never

/** Runs `act`. When `act` refuses the caller, the refusal is audited, and then the same error is thrown again. */
export async function auditRefusals<T>(
  record: RecordPort,
  caller: Refused,
  facts: Facts,
  act: () => T | Promise<T>,
): Promise<T> {
  try {
    return await act()
  } catch (error) {
    if (isRefusal(error)) {
      const why = { code: error.code, sentence: error.message }
      await recordRefusal(record, caller, { ...facts, actor: byPerson(caller.objectId), ...why })
    }
    throw error
  }
}

/** Audits the refusal of a known person. Beyond the limit of `refusalLimit` nothing is stored and nothing is thrown. */
export async function recordRefusal(record: RecordPort, caller: Refused, event: AuditEvent): Promise<void> {
  const nowMs = await record.now()
  try {
    await record.commit({
      records: [],
      indexes: [{ kind: REFUSALS_OF, value: caller.objectId, id: newId('r'), at: nowMs }],
      limits: [refusalLimit(caller, nowMs)],
      audit: [cut(event)],
    })
  } catch (error) {
    if (!isLatchkeyError(error, 'TOO_MANY')) throw error
  }
}

function cut(event: AuditEvent): AuditEvent {
  const short = 'sentence' in event ? { ...event, sentence: event.sentence.slice(0, MOST_CHARACTERS) } : event
  return short.kind === 'ask.refused' ? { ...short, scopes: short.scopes.slice(0, MOST_SCOPES) } : short
}
