import { SenderBusy } from './message-sender.ts'

/**
 * Sends a message or a security notice once: claims its record, sends, and clears the claim. Without an answer the
 * claim stays until it lapses, since what was sent may have arrived.
 */

const HOUR_MS = 3_600_000
/** Longest claim, and longest wait that is stored in place of a claim. */
export const LONGEST_CLAIM_MS = HOUR_MS
/** Longer than one sending may take. A claim that is older belongs to a process that died. */
const FIRST_CLAIM_MS = 60_000
/** Each further try claims this many times longer. */
const LONGER_EACH_TRY = 5
/** How far the clocks of two processes and of Redis may differ. */
const SKEW_MS = 120_000

export interface Claim {
  /** The number of attempts to send that were begun and have no answer. */
  readonly tries: number
  /** Redis time in ms. NaN: not claimed. */
  readonly untilMs: number
  /** The longest claim. A longer one is ignored: its writer's clock was ahead, or Latchkey did not write it. */
  readonly longestMs: number
}

/** How one kind of record stores its claim. */
export interface ClaimFields<R> {
  readonly read: (value: R) => Claim
  readonly claim: (value: R, tries: number, nowMs: number) => R
  /** Removes the claim and the count of tries. */
  readonly clear: (value: R) => R
  /** Undoes a claim whose sending was refused. `notBeforeMs` is for records that store when they may be sent again. */
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
  /** @throws CONFLICT if the version has changed */
  readonly write: (stored: Versioned<R>, next: R) => Promise<Versioned<R>>
}

export function claimLastsMs(tries: number): number {
  return Math.min(LONGEST_CLAIM_MS, FIRST_CLAIM_MS * LONGER_EACH_TRY ** (tries - 1))
}

/** The number of ms for which no other process may send the record. 0: it is not claimed. */
export function claimedForMs<R>({ read }: Pick<ClaimFields<R>, 'read'>, value: R, nowMs: number): number {
  const { untilMs, longestMs } = read(value)
  const leftMs = untilMs - nowMs
  return leftMs > 0 && leftMs <= longestMs + SKEW_MS ? leftMs : 0
}

/** @throws CONFLICT if another process claimed it first; that process sends it */
export async function claimToSend<R>(store: ClaimStore<R>, stored: Versioned<R>): Promise<Versioned<R>> {
  const { tries } = store.fields.read(stored.value)
  // Reads the clock here: a time from the start of a long round would make the claim lapse too early.
  return await store.write(stored, store.fields.claim(stored.value, tries + 1, await store.now()))
}

/** Sends what is claimed. After a refusal nothing was sent, so the claim is undone and the try is not counted. */
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
