import { Redis } from 'ioredis'
import type { Outcome } from '../../../sandbox/teams/index.ts'
import type { World } from '../../fixtures/world.ts'
import { ASK, until } from './life.ts'

/** Approvals by Max in Teams: the requests, the clicks, and their way to Latchkey. */

export interface Pending {
  readonly requestId: string
  /** The version on Max's card, which his click sends back. */
  readonly version: string
}

export interface Clicks {
  /** Makes this many requests that wait for Max. When it resolves nothing else is in progress. */
  prepare(count: number): Promise<readonly Pending[]>
  approve(pending: Pending): Promise<Outcome>
  close(): void
}

/** Max decides for both. One person may have five pending requests. */
const REQUESTERS = ['rita', 'finn'] as const
const EACH_AT_ONCE = 4

/** `redisPath` is the socket of the Redis itself, for worlds whose Redis URL leads through a counting proxy. */
export async function openClicks(world: World, redisPath = world.redis.url): Promise<Clicks> {
  const cli = new Redis(redisPath)
  const { teams } = world
  // Without the app a person gets no card, which would be less work.
  for (const person of ['max', ...REQUESTERS]) await teams.install(person)
  const message = await teams.waitFor(() => teams.conversation('max').find(({ from, card }) => from === 'bot' && card))

  async function ask(person: (typeof REQUESTERS)[number]): Promise<Pending> {
    const { body } = await world.call(person, '/requests', ASK)
    if (body.id === undefined || body.version === undefined) throw new Error(`Not asked: ${body.error?.message}`)
    return { requestId: body.id, version: body.version }
  }

  return {
    async prepare(count) {
      const asked: Pending[] = []
      while (asked.length < count) {
        await forgetLimits(cli)
        const people = REQUESTERS.flatMap((person) => Array.from({ length: EACH_AT_ONCE }, () => person))
        asked.push(...(await Promise.all(people.slice(0, count - asked.length).map(ask))))
      }
      await forgetLimits(cli)
      return asked
    },
    approve: ({ requestId, version }) =>
      teams.invoke('max', message.id, { verb: 'approve', data: { requestId, version, comment: '' } }),
    close: () => cli.disconnect(),
  }
}

/** Removes the counts of hourly limits and of the role's capacity, as if an hour had passed, because they are not measured. */
async function forgetLimits(cli: Redis): Promise<void> {
  const kinds = ['pending', 'asks', 'on-role']
  const found = await Promise.all(kinds.map((kind) => cli.keys(`{latchkey}:index:${kind}:*`)))
  if (found.flat().length > 0) await cli.del(...found.flat())
}

/** Resolves when every job is done: cards are sent, grants are active. */
export async function untilIdle(redisUrl: string, longestMs?: number): Promise<void> {
  const cli = new Redis(redisUrl)
  const queues = ['activate', 'cards', 'revoke']
  const lists = queues.flatMap((queue) => [`{latchkey}:${queue}:wait`, `{latchkey}:${queue}:active`])
  try {
    await until(
      'no job is under way',
      async () => {
        const onTime = cli.zcard('{latchkey}:revoke:prioritized')
        const waiting = await Promise.all([
          cli.xlen('{latchkey}:outbox'),
          onTime,
          ...lists.map((list) => cli.llen(list)),
        ])
        return waiting.every((length) => length === 0)
      },
      longestMs,
    )
  } finally {
    cli.disconnect()
  }
}

/** Returns the milliseconds that each item took, with this many always in flight. */
export async function timeEach<T>(items: readonly T[], inFlight: number, act: (item: T) => Promise<unknown>) {
  const times: number[] = []
  let next = 0
  async function takeTurns(): Promise<void> {
    for (let item = items[next++]; item !== undefined; item = items[next++]) {
      const startedAt = performance.now()
      await act(item)
      times.push(performance.now() - startedAt)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, takeTurns))
  return times
}
