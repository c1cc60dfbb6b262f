import { createHash, randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Budget } from '../messages/message-sender.ts'
import { answered } from './answers.ts'
import type { Connection } from './connections.ts'
import { keysUnder, PREFIX } from './keys.ts'
import { readScript, runScript } from './scripts.ts'

const SPEND = readScript('spend-budget')

/** Longer than the channel's own time-out. */
const OPERATION_LASTS_MS = 15_000

/** What Teams takes from a bot in one conversation ("Optimize your bot with rate limiting in Teams"); edits are counted as sends. */
const LIMITS = [
  { atMost: 7, withinMs: 1_000 },
  { atMost: 8, withinMs: 2_000 },
  { atMost: 60, withinMs: 30_000 },
  { atMost: 1_800, withinMs: 3_600_000 },
] as const

/** Half at once and half spread over the window: so none of that length, wherever it begins, sees more than the limit. */
const WINDOWS = LIMITS.flatMap(({ atMost, withinMs }) => {
  const burst = Math.floor(atMost / 2)
  return [String(burst), String(Math.ceil(withinMs / (atMost - burst)))]
})

const waitAnswer = z.int().nonnegative()

export function redisBudget(redis: Connection, { prefix = PREFIX }: { readonly prefix?: string } = {}): Budget {
  const keys = keysUnder(prefix)

  async function spend(conversation: string, token: string, lastsMs: number): Promise<number> {
    // Teams' limits are those of the whole channel or chat, whichever thread is written to.
    const [whole = ''] = conversation.split(';')
    const name = createHash('sha256').update(whole).digest('base64url').slice(0, 22)
    return waitAnswer.parse(
      await answered(runScript(redis, SPEND, [keys.budget(name)], [token, String(lastsMs), ...WINDOWS])),
    )
  }

  return {
    async take(conversation) {
      const token = randomUUID()
      const waitMs = await spend(conversation, token, OPERATION_LASTS_MS)
      if (waitMs > 0) return { waitMs }
      return {
        async giveBack() {
          await spend(conversation, token, 0)
        },
      }
    },
  }
}
