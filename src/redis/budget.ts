import { createHash, randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Budget } from '../messages/message-sender.ts'
import type { Connection } from './connections.ts'
import { keysUnder, PREFIX } from './keys.ts'
import { answered } from './redis-errors.ts'
import { readScript, runScript } from './scripts.ts'

const SPEND = readScript('spend-budget')

/** How long an operation occupies the conversation unless it is given back. Longer than the time-out of a send. */
const OPERATION_MAX_MS = 15_000

/**
 * Teams' limits for a bot in one conversation ("Optimize your bot with rate limiting in Teams"). Edits count as sends.
 */
const LIMITS = [
  { atMost: 7, withinMs: 1_000 },
  { atMost: 8, withinMs: 2_000 },
  { atMost: 60, withinMs: 30_000 },
  { atMost: 1_800, withinMs: 3_600_000 },
] as const

/**
 * Each limit gets a burst and an interval in ms: half of the operations may come at once, the other half are spread
 * over the window. So no window of that length, wherever it begins, has more than the limit.
 */
const WINDOWS = LIMITS.flatMap(({ atMost, withinMs }) => {
  const burst = Math.floor(atMost / 2)
  return [String(burst), String(Math.ceil(withinMs / (atMost - burst)))]
})

const waitAnswer = z.int().nonnegative()

export function redisBudget(redis: Connection, { prefix = PREFIX }: { readonly prefix?: string } = {}): Budget {
  const keys = keysUnder(prefix)

  async function spend(conversation: string, token: string, lastsMs: number): Promise<number> {
    // Teams' limits apply to the whole channel or chat. The id of a thread is the channel's id, `;` and more.
    const [channelOrChat = ''] = conversation.split(';')
    const name = createHash('sha256').update(channelOrChat).digest('base64url').slice(0, 22)
    return waitAnswer.parse(
      await answered(runScript(redis, SPEND, [keys.budget(name)], [token, String(lastsMs), ...WINDOWS])),
    )
  }

  return {
    async take(conversation) {
      const token = randomUUID()
      const waitMs = await spend(conversation, token, OPERATION_MAX_MS)
      if (waitMs > 0) return { waitMs }
      return {
        async giveBack() {
          await spend(conversation, token, 0)
        },
      }
    },
  }
}
