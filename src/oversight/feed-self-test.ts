import { z } from 'zod'

/**
 * The source of the event that `latchkey aws setup` sends through EventBridge to test the wiring.
 * Anyone who may put events into the account can send one, so such an event never counts as a CloudTrail record.
 */
export const SELF_TEST = 'latchkey.self-test'

export const selfTestEvent = z.object({
  source: z.literal(SELF_TEST),
  account: z.string(),
  detail: z.object({ nonce: z.string().regex(/^[0-9a-f]{32}$/) }),
})
