import { Redis } from 'ioredis'
import type { Outcome } from '../../sandbox/teams/index.ts'
import type { World } from '../fixtures/world.ts'
import { ASK, until } from './life.ts'

/** Approvals by Max in Teams, as many as are asked for, and where they go. */

export interface Pending {
  readonly requestId: string
  /** Of what Max sees: goes back with his click. */
  readonly version: string
}

export interface Clicks {
  /** So many requests that wait for Max; nothing is under way when they are there. */
  prepare(count: number): Promise<readonly Pending[]>
  approve(pending: Pending): Promise<Outcome>
  close(): void
}

/** Max decides for both. One person may have five requests waiting. */
const REQUESTERS = ['rita', 'finn'] as const
const EACH_AT_ONCE = 4

/** `redisPath`: of the Redis itself, where what Latchkey sends to it is counted on the way. */
export async function openClicks(world: World, redisPath = world.redis.url): Promise<Clicks> {
  const cli = new Redis(redisPath)
  const { teams } = world
  // Who does not have the app gets no card, which would be less work.
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

/** What people may do within an hour, and a role hold at once, is not what is measured: as if the hour had passed. */
async function forgetLimits(cli: Redis): Promise<void> {
  const kinds = ['pending', 'asks', 'on-role']
  const found = await Promise.all(kinds.map((kind) => cli.keys(`{latchkey}:index:${kind}:*`)))
  if (found.flat().length > 0) await cli.del(...found.flat())
}

/** Every job that was named is done: cards are sent, grants are active. */
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

/** Milliseconds that each of these took, so many of them in flight all the time. */
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
