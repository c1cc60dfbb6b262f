/** One call between the bot and Teams, in either direction. It holds no token, so a test or the demo may print it. */
export interface TeamsCall {
  /** ISO 8601 by the sandbox's clock. */
  readonly at: string
  readonly from: 'bot' | 'teams'
  /** The operation, or the activity's type and name. */
  readonly what: string
  readonly conversation?: string
  readonly activityId?: string
  /** Entra object id. */
  readonly person?: string
  readonly verb?: string
  readonly trigger?: 'manual' | 'automatic'
  /** The attempt of an invoke, 1 to 3. */
  readonly attempt?: number
  readonly status: number | 'timed out' | 'unreachable'
  /** The error code of a refusal. */
  readonly code?: string
  readonly retryAfterSeconds?: number
  /** The size of the sent activity, encoded as UTF-16. */
  readonly bytes?: number
}

export interface Journal {
  append(call: Omit<TeamsCall, 'at'>): void
  entries(): readonly TeamsCall[]
  count(fits: (call: TeamsCall) => boolean): number
  subscribe(listener: (call: TeamsCall) => void): () => void
}

export function createJournal(now: () => number): Journal {
  const calls: TeamsCall[] = []
  const listeners = new Set<(call: TeamsCall) => void>()
  return {
    append(call) {
      const dated = { at: new Date(now()).toISOString(), ...call }
      calls.push(dated)
      for (const listener of [...listeners]) listener(dated)
    },
    entries: () => [...calls],
    count: (fits) => calls.filter(fits).length,
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
