import type { Message } from './message.ts'

/** Longer than one sending may take: whoever claimed it has died. After each try without an answer it lasts longer: what was sent may be there. */
const CLAIM_LASTS_MS = 60_000

const LONGER_EACH_TRY = 5

/** Clocks of two processes and one Redis; what is claimed further ahead was not claimed by us. */
const SKEW_MS = 120_000

/** How long nobody else may send it; 0: it is nobody's. */
export function claimedForMs({ claimedAt, reference, tries = 1 }: Message, nowMs: number): number {
  if (reference !== undefined || claimedAt === undefined) return 0
  const sinceMs = nowMs - Date.parse(claimedAt)
  if (!(sinceMs > -SKEW_MS)) return 0
  return Math.max(0, CLAIM_LASTS_MS * LONGER_EACH_TRY ** (tries - 1) - sinceMs)
}
