import { testWiring } from '../../aws/feed/self-test.ts'
import type { Feed } from '../../oversight/feed.ts'
import { Problem } from '../problem.ts'
import { print } from './print.ts'
import type { Site } from './site.ts'

/** EventBridge promises "near real-time" delivery. A new IAM role takes some seconds more. */
const WAIT_MS = 90_000

/**
 * Sends an event through EventBridge and waits until the service has received it.
 * @throws Problem when the event does not arrive in time
 */
export async function runSelfTest({ clients, feedRegion, wanted }: Site, feed: Feed): Promise<void> {
  process.stdout.write(`Self-test in ${feedRegion.region}: sent an event, waiting for it to come in …`)
  const seconds = WAIT_MS / 1_000
  const hasArrived = await testWiring(clients, { hasArrived: (nonce) => feed.hasArrived(nonce), waitMs: WAIT_MS })
  print(hasArrived ? ' it came.' : ' it did not come.')
  if (hasArrived) return
  throw new Problem(
    `The event did not come in ${seconds} seconds. See that AWS reaches ${wanted.endpoint} (https, publicly trusted certificate), that Latchkey runs there with this CLOUDTRAIL_KEYS, and \`latchkey aws check\` for what EventBridge says of it. Then run this again.`,
  )
}
