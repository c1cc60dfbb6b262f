import { LATCHKEY } from '../audit/events.ts'
import type { RecordPort } from '../store/record-store.ts'
import { beginRevoke } from './begin-revoke.ts'
import type { CheckedGrant } from './genuine-grant.ts'
import { isOver } from './grant.ts'

/** Starts to revoke a forged grant, with the alarm in the same commit. Leaves revoking and ended grants alone. */
export async function revokeForged(record: RecordPort, stored: CheckedGrant, found: string): Promise<void> {
  const { grant } = stored
  if (isOver(grant) || grant.status === 'revoking') return
  const facts = { actor: LATCHKEY, requestId: grant.terms.requestId, grantId: grant.id }
  await beginRevoke(record, stored, {
    cause: 'yes-does-not-add-up',
    actor: LATCHKEY,
    detail: found,
    alarms: [{ kind: 'alarm.yes-does-not-add-up', ...facts, found }],
  })
}
