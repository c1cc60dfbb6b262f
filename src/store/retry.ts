import { isLatchkeyError } from '../errors.ts'

const MOST_TRIES = 10

/**
 * Reads and decides again while the record moves between read and write. Somebody who keeps it moving keeps nobody busy for ever:
 * after some tries the CONFLICT is told.
 */
export async function againOnConflict<T>(once: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await once()
    } catch (error) {
      if (!isLostRace(error) || tries === MOST_TRIES) throw error
    }
  }
}

/** A commit found that a record had moved. */
export function isLostRace(error: unknown): boolean {
  return isLatchkeyError(error, 'CONFLICT') && error.facts.outcome === undefined
}
