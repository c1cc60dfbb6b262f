import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { PutEventsCommand } from '@aws-sdk/client-eventbridge'
import { LatchkeyError } from '../../errors.ts'
import { SELF_TEST } from '../../oversight/feed-self-test.ts'
import { askFor, type RegionClients } from '../region-clients.ts'

/**
 * The event is sent again: IAM needs some seconds until EventBridge may use a new role, and earlier events become dead
 * letters.
 */
const RESEND_AFTER_MS = 10_000
const POLL_MS = 250

export interface SelfTest {
  hasArrived(nonce: string): Promise<boolean>
  readonly waitMs: number
}

/** Sends an event through EventBridge to Latchkey's door. @returns false when it did not arrive within `waitMs` */
export async function testWiring(clients: RegionClients, { hasArrived, waitMs }: SelfTest): Promise<boolean> {
  const nonce = randomBytes(16).toString('hex')
  const startedAt = performance.now()
  let sentAt = Number.NEGATIVE_INFINITY
  while (performance.now() - startedAt < waitMs) {
    if (performance.now() - sentAt > RESEND_AFTER_MS) {
      await send(clients, nonce)
      sentAt = performance.now()
    }
    if (await hasArrived(nonce)) return true
    await delay(POLL_MS)
  }
  return false
}

async function send(clients: RegionClients, nonce: string): Promise<void> {
  const Entries = [{ Source: SELF_TEST, DetailType: 'Self-test of Latchkey', Detail: JSON.stringify({ nonce }) }]
  const answer = await askFor(clients, 'to take an event', () => clients.events.send(new PutEventsCommand({ Entries })))
  if (answer.FailedEntryCount === 0) return
  const awsCode = answer.Entries?.[0]?.ErrorCode ?? 'FailedEntryCount'
  throw new LatchkeyError('AWS_REFUSED', {
    doing: 'the event of the self-test',
    awsCode,
    next: 'Run the command again.',
  })
}
