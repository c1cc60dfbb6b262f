import type { ServiceName } from './call.ts'

/** One call that reached the sandbox. It holds no secret, so a test may print it. */
export interface JournalEntry {
  /** ISO 8601, by the sandbox's clock. */
  readonly at: string
  readonly service: ServiceName
  readonly action: string
  /** ARN of the caller; undefined when not authenticated. */
  readonly identity: string | undefined
  readonly parameters: Readonly<Record<string, unknown>>
  readonly outcome: 'done' | 'refused'
  readonly errorCode: string | undefined
}

export interface Journal {
  append(entry: JournalEntry): void
  entries(): readonly JournalEntry[]
  /** Resolves with the first entry that matches, past or future. Rejects when `signal` aborts. */
  waitFor(fits: (entry: JournalEntry) => boolean, signal?: AbortSignal): Promise<JournalEntry>
  /** Returns a function that ends the subscription. */
  subscribe(listener: (entry: JournalEntry) => void): () => void
}

export function sandboxJournal(): Journal {
  const entries: JournalEntry[] = []
  const listeners = new Set<(entry: JournalEntry) => void>()

  function subscribe(listener: (entry: JournalEntry) => void): () => void {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  function waitFor(fits: (entry: JournalEntry) => boolean, signal?: AbortSignal): Promise<JournalEntry> {
    const past = entries.find(fits)
    if (past !== undefined) return Promise.resolve(past)
    return new Promise((resolve, reject) => {
      const end = subscribe((entry) => {
        if (!fits(entry)) return
        end()
        resolve(entry)
      })
      signal?.addEventListener('abort', () => {
        end()
        reject(signal.reason)
      })
    })
  }

  return {
    append(entry) {
      entries.push(entry)
      for (const listener of [...listeners]) listener(entry)
    },
    entries: () => [...entries],
    waitFor,
    subscribe,
  }
}
