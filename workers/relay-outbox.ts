import type { Logger } from 'pino'
import type { JobQueue } from '../src/jobs/catalog.ts'
import type { Outbox } from '../src/jobs/outbox.ts'
import { type Loop, startLoop } from './loop.ts'

interface RelayDeps {
  readonly outbox: Outbox
  readonly queue: JobQueue
  readonly log: Logger
}

const AT_ONCE = 100

/** Hands the jobs that commits have named to the queue. A crash between the two steps repeats a harmless add. */
export function relayOutbox({ outbox, queue, log }: RelayDeps): Loop {
  async function turn(): Promise<void> {
    const entries = await outbox.read(AT_ONCE)
    await queue.add(entries.map((entry) => entry.job))
    await outbox.acknowledge(entries.map((entry) => entry.entryId))
  }
  // Reading waits for entries by itself.
  return startLoop({ name: 'relay-outbox', turn, pauseMs: 0, log })
}
