import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { PutEventsCommand } from '@aws-sdk/client-eventbridge'
import { LatchkeyError } from '../../errors.ts'
import { SELF_TEST } from '../../oversight/feed-self-test.ts'
import { askFor, type WiringDesk } from '../region-clients.ts'

/** IAM takes some seconds until EventBridge may use a new role; what is sent before goes to the dead letters. */
const AGAIN_AFTER_MS = 10_000
const LOOK_EVERY_MS = 250

export interface SelfTest {
  hasArrived(nonce: string): Promise<boolean>
  readonly waitMs: number
}

/** Sends an event through the whole way and waits for it at the other end. False: it did not come in that time. */
export async function testWiring(desk: WiringDesk, { hasArrived, waitMs }: SelfTest): Promise<boolean> {
  const nonce = randomBytes(16).toString('hex')
  const startedAt = performance.now()
  let sentAt = Number.NEGATIVE_INFINITY
  while (performance.now() - startedAt < waitMs) {
    if (performance.now() - sentAt > AGAIN_AFTER_MS) {
      await send(desk, nonce)
      sentAt = performance.now()
    }
    if (await hasArrived(nonce)) return true
    await delay(LOOK_EVERY_MS)
  }
  return false
}

async function send(desk: WiringDesk, nonce: string): Promise<void> {
  const Entries = [{ Source: SELF_TEST, DetailType: 'Self-test of Latchkey', Detail: JSON.stringify({ nonce }) }]
  const answer = await askFor(desk, 'to take an event', () => desk.events.send(new PutEventsCommand({ Entries })))
  if (answer.FailedEntryCount === 0) return
  const awsCode = answer.Entries?.[0]?.ErrorCode ?? 'FailedEntryCount'
  throw new LatchkeyError('AWS_REFUSED', {
    doing: 'the event of the self-test',
    awsCode,
    next: 'Run the command again.',
  })
}
