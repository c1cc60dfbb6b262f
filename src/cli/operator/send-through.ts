import { testWiring } from '../../aws/feed/self-test.ts'
import type { Feed } from '../../oversight/feed.ts'
import { Problem } from '../problem.ts'
import { print } from './print.ts'
import type { Site } from './site.ts'

/** EventBridge's own words: "near real-time"; a new role takes some seconds more. */
const WAIT_MS = 90_000

/** @throws Problem where the event did not come through */
export async function sendThrough({ clients, place, wanted }: Site, feed: Feed): Promise<void> {
  process.stdout.write(`Self-test in ${place.region}: sent an event, waiting for it to come in …`)
  const seconds = WAIT_MS / 1_000
  const came = await testWiring(clients, { hasArrived: (nonce) => feed.hasArrived(nonce), waitMs: WAIT_MS })
  print(came ? ' it came.' : ' it did not come.')
  if (came) return
  throw new Problem(
    `The event did not come in ${seconds} seconds. See that AWS reaches ${wanted.endpoint} (https, publicly trusted certificate), that Latchkey runs there with this CLOUDTRAIL_KEYS, and \`latchkey aws check\` for what EventBridge says of it. Then run this again.`,
  )
}
