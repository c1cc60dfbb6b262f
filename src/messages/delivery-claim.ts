import { SenderBusy } from './message-sender.ts'

/**
 * One mechanism for whatever is sent once: claim the record, send, clear the claim. Where no answer came the claim stays for its time,
 * since what was sent may have arrived.
 */

const HOUR_MS = 3_600_000
/** No claim, and no wait that takes its place, lasts longer. */
export const LONGEST_CLAIM_MS = HOUR_MS
/** Longer than one sending may take: its process has died. */
const FIRST_CLAIM_MS = 60_000
const LONGER_EACH_TRY = 5
/** Clocks of two processes and one Redis. */
const SKEW_MS = 120_000

export interface Claim {
  /** How often it was sent without an answer. */
  readonly tries: number
  /** NaN: nobody claims it. */
  readonly untilMs: number
  /** What is claimed for longer was written by a clock that was ahead, or by somebody else. */
  readonly longestMs: number
}

/** How one kind of record stores its claim. */
export interface ClaimFields<R> {
  readonly read: (value: R) => Claim
  readonly claim: (value: R, tries: number, nowMs: number) => R
  /** Neither claimed nor tried. */
  readonly clear: (value: R) => R
  /** As before a try that was refused. `notBeforeMs`: for records that store when they may be sent again. */
  readonly unclaim: (value: R, tries: number, notBeforeMs: number) => R
}

export interface Versioned<R> {
  readonly version: number
  readonly value: R
}

export interface ClaimStore<R> {
  readonly fields: ClaimFields<R>
  /** The record's clock. */
  readonly now: () => number | Promise<number>
  /** Throws CONFLICT when the version moved. */
  readonly write: (stored: Versioned<R>, next: R) => Promise<Versioned<R>>
}

export function claimLastsMs(tries: number): number {
  return Math.min(LONGEST_CLAIM_MS, FIRST_CLAIM_MS * LONGER_EACH_TRY ** (tries - 1))
}

/** How long nobody else may send it; 0: anybody may. */
export function claimedForMs<R>({ read }: Pick<ClaimFields<R>, 'read'>, value: R, nowMs: number): number {
  const { untilMs, longestMs } = read(value)
  const leftMs = untilMs - nowMs
  return leftMs > 0 && leftMs <= longestMs + SKEW_MS ? leftMs : 0
}

/** @throws CONFLICT when somebody else was first: they send it */
export async function claimToSend<R>(store: ClaimStore<R>, stored: Versioned<R>): Promise<Versioned<R>> {
  const { tries } = store.fields.read(stored.value)
  // By the clock of this moment: a claim is as old as it is, however long the round.
  return await store.write(stored, store.fields.claim(stored.value, tries + 1, await store.now()))
}

/** A refusal says that nothing was sent: the next one need not wait for the claim to lapse, and it was no try. */
export async function sendClaimed<R, Sent>(
  store: ClaimStore<R>,
  claimed: Versioned<R>,
  send: () => Promise<Sent>,
): Promise<Sent> {
  try {
    return await send()
  } catch (error) {
    if (error instanceof SenderBusy && error.refused) {
      const { tries } = store.fields.read(claimed.value)
      const notBeforeMs = (await store.now()) + Math.min(LONGEST_CLAIM_MS, error.waitMs)
      await store.write(claimed, store.fields.unclaim(claimed.value, tries - 1, notBeforeMs))
    }
    throw error
  }
}
