import type { Job } from './catalog.ts'

export interface OutboxEntry {
  readonly entryId: string
  readonly job: Job
}

/**
 * Port: jobs that commits wrote and that are not in a queue yet. Entries are read again until they are acknowledged.
 */
export interface Outbox {
  read(count: number): Promise<readonly OutboxEntry[]>
  acknowledge(entryIds: readonly string[]): Promise<void>
}
