import type { Job } from './catalog.ts'

export interface OutboxEntry {
  readonly entryId: string
  readonly job: Job
}

/** Port: jobs that commits have named and no queue has yet. Entries come again until they are acknowledged. */
export interface Outbox {
  read(count: number): Promise<readonly OutboxEntry[]>
  acknowledge(entryIds: readonly string[]): Promise<void>
}
