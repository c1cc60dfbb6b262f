import { type ClaimFields, claimLastsMs } from './delivery-claim.ts'
import type { Message } from './message.ts'

/**
 * `claimedAt` is the start of a claim. If a message has a `reference`, it was sent already: it is only edited, and
 * needs no claim.
 */
export const messageClaim: ClaimFields<Message> = {
  read({ claimedAt, reference, tries }) {
    const longestMs = claimLastsMs(tries ?? 1)
    const isClaimed = reference === undefined && claimedAt !== undefined
    return { tries: tries ?? 0, longestMs, untilMs: isClaimed ? Date.parse(claimedAt) + longestMs : Number.NaN }
  },
  claim: (message, tries, nowMs) => ({ ...message, claimedAt: new Date(nowMs).toISOString(), tries }),
  clear: ({ claimedAt: _, tries: __, ...message }) => message,
  unclaim: (message, tries) => ({ ...messageClaim.clear(message), ...(tries > 0 ? { tries } : {}) }),
}
