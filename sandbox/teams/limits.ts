import { throttled } from './fault.ts'

/** "Optimize your bot with rate limiting in Teams": per bot and thread, where a thread is a 1:1 chat, a group chat or a channel. */

type Kind = 'send' | 'create' | 'members'

interface Window {
  readonly seconds: number
  readonly most: number
}

const SEND: readonly Window[] = [
  { seconds: 1, most: 7 },
  { seconds: 2, most: 8 },
  { seconds: 30, most: 60 },
  { seconds: 3_600, most: 1_800 },
]
const WINDOWS: Readonly<Record<Kind, readonly Window[]>> = {
  send: SEND,
  create: SEND,
  members: SEND.map(({ seconds, most }) => ({ seconds, most: most * 2 })),
}
/** The limit of an app in a tenant over all threads. */
const WHOLE_APP: readonly Window[] = [{ seconds: 1, most: 50 }]
const LONGEST_MS = 3_600_000

export interface Limits {
  /** @throws 429; a refused call does not count */
  spend(kind: Kind, thread: string): void
}

export function createLimits(now: () => number): Limits {
  const spent = new Map<string, number[]>()

  function waitSeconds(key: string, windows: readonly Window[]): number {
    const times = spent.get(key) ?? []
    const at = now()
    return Math.max(0, ...windows.map((window) => waitFor(times, window, at)))
  }

  function note(key: string): void {
    const recent = (spent.get(key) ?? []).filter((time) => time > now() - LONGEST_MS)
    spent.set(key, [...recent, now()])
  }

  return {
    spend(kind, thread) {
      const key = `${kind} ${thread}`
      const wait = Math.max(waitSeconds(key, WINDOWS[kind]), waitSeconds('app', WHOLE_APP))
      if (wait > 0) throw throttled(Math.max(1, Math.ceil(wait)))
      note(key)
      note('app')
    },
  }
}

/** The time until the window has room for one more call. */
function waitFor(times: readonly number[], { seconds, most }: Window, at: number): number {
  const inside = times.filter((time) => time > at - seconds * 1_000)
  const oldestThatMustGo = inside[inside.length - most]
  return oldestThatMustGo === undefined ? 0 : (oldestThatMustGo + seconds * 1_000 - at) / 1_000
}
