import { isLatchkeyError } from '../errors.ts'

const MOST_TRIES = 10

/**
 * Runs `once` again when the record changed between its read and its commit.
 * @throws CONFLICT after 10 lost races, so that a record that keeps changing does not occupy the caller for ever
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

/** Whether a commit failed because another process had changed the record: a CONFLICT without outcome. */
export function isLostRace(error: unknown): boolean {
  return isLatchkeyError(error, 'CONFLICT') && error.facts.outcome === undefined
}
