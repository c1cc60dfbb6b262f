import { LatchkeyError } from '../errors.ts'
import type { Caller } from '../rules/caller.ts'

const HOUR_MS = 3_600_000
const MOST_FORMS_AN_HOUR = 60

interface FormsShown {
  readonly sinceMs: number
  readonly forms: number
}

/** @throws TOO_MANY */
export type CountForm = (caller: Caller) => void

/** To show a form asks the directory, and leaves nothing in the record that could be counted there: each process counts its own. */
export function formCounter(): CountForm {
  /** Of whom one was shown within the hour, the longest ago first. */
  const shown = new Map<string, FormsShown>()
  return ({ objectId }) => {
    const nowMs = performance.now()
    forgetUntil(shown, nowMs - HOUR_MS)
    const { sinceMs, forms } = shown.get(objectId) ?? { sinceMs: nowMs, forms: 0 }
    if (forms >= MOST_FORMS_AN_HOUR)
      throw new LatchkeyError('TOO_MANY', {
        limit: `You were shown ${MOST_FORMS_AN_HOUR} forms within an hour.`,
        next: 'Ask in one line, or wait a little.',
      })
    shown.set(objectId, { sinceMs, forms: forms + 1 })
  }
}

/** A changed entry keeps its place. */
function forgetUntil(shown: Map<string, FormsShown>, untilMs: number): void {
  for (const [objectId, { sinceMs }] of shown) {
    if (sinceMs > untilMs) return
    shown.delete(objectId)
  }
}
