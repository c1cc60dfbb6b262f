import { LatchkeyError } from '../errors.ts'
import type { Caller } from '../rules/caller.ts'

const HOUR_MS = 3_600_000
const MAX_FORMS_AN_HOUR = 60

interface FormsShown {
  readonly sinceMs: number
  readonly forms: number
}

/** @throws TOO_MANY after 60 forms within an hour */
export type CountForm = (caller: Caller) => void

/**
 * Counts the forms that one process shows to each person. Showing a form asks the directory, but leaves nothing in the
 * record that could be counted there.
 */
export function formCounter(): CountForm {
  /** Maps an object id to the forms shown. Entries are in order of `sinceMs`. Those older than an hour are dropped. */
  const shown = new Map<string, FormsShown>()
  return ({ objectId }) => {
    const nowMs = performance.now()
    forgetUntil(shown, nowMs - HOUR_MS)
    const { sinceMs, forms } = shown.get(objectId) ?? { sinceMs: nowMs, forms: 0 }
    if (forms >= MAX_FORMS_AN_HOUR)
      throw new LatchkeyError('TOO_MANY', {
        limit: `You were shown ${MAX_FORMS_AN_HOUR} forms within an hour.`,
        next: 'Ask in one line, or wait a little.',
      })
    shown.set(objectId, { sinceMs, forms: forms + 1 })
  }
}

/** Removes old entries. They are in order of `sinceMs`, since a changed entry of a Map stays where it was. */
function forgetUntil(shown: Map<string, FormsShown>, untilMs: number): void {
  for (const [objectId, { sinceMs }] of shown) {
    if (sinceMs > untilMs) return
    shown.delete(objectId)
  }
}
