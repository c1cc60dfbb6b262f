import type { Logger } from 'pino'
import type { JobQueue } from '../src/jobs/catalog.ts'
import type { Outbox } from '../src/jobs/outbox.ts'
import { type Loop, startLoop } from './loop.ts'

interface RelayDeps {
  readonly outbox: Outbox
  readonly queue: JobQueue
  readonly log: Logger
}

const BATCH = 100

/**
 * Adds to the queue the jobs that commits wrote to the outbox. After a crash a job may be added twice, which is
 * harmless.
 */
export function relayOutbox({ outbox, queue, log }: RelayDeps): Loop {
  async function turn(): Promise<void> {
    const entries = await outbox.read(BATCH)
    await queue.add(entries.map((entry) => entry.job))
    await outbox.acknowledge(entries.map((entry) => entry.entryId))
  }
  // No pause: `outbox.read` waits until there are entries.
  return startLoop({ name: 'relay-outbox', turn, pauseMs: 0, log })
}
