import { z } from 'zod'

/**
 * What `latchkey aws setup` sends through EventBridge to see whether it arrives. It is never a CloudTrail record, whatever else it holds: everybody
 * who may put events into the account may send one.
 */
export const SELF_TEST = 'latchkey.self-test'

export const selfTestEvent = z.object({
  source: z.literal(SELF_TEST),
  account: z.string(),
  detail: z.object({ nonce: z.string().regex(/^[0-9a-f]{32}$/) }),
})
