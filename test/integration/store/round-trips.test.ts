import { expect, test } from 'vitest'
import { startPrivateRedis } from '../../../sandbox/project.ts'
import { vendCredentials } from '../../../src/grants/credentials/vend-credentials.ts'
import { openClicks } from '../../bench/tools/clicks.ts'
import { startCountingProxy } from '../../bench/tools/counting-proxy.ts'
import { nameOf } from '../../bench/tools/idle.ts'
import { openUseCases } from '../../fixtures/use-cases.ts'
import { startWorld } from '../../fixtures/world.ts'

test('a yes in Teams asks Redis for the request, the time, the one commit, and all that the card then shows', async (context) => {
  const redis = await startPrivateRedis()
  context.onTestFinished(() => redis.stop())
  const proxy = await startCountingProxy(redis.socket)
  context.onTestFinished(() => proxy.stop())
  const world = await startWorld({ redisUrl: proxy.url })
  context.onTestFinished(() => world.stop())
  const clicks = await openClicks(world, redis.socket)
  context.onTestFinished(() => clicks.close())
  // The first click loads the scripts. The second is like all later ones.
  const pending = await clicks.prepare(2)
  const trips: (readonly string[])[] = []
  for (const one of pending) {
    const before = proxy.trips().length
    expect(await clicks.approve(one)).toMatchObject({ kind: 'card' })
    trips.push(proxy.trips().slice(before).map(nameOf))
  }
  expect(trips.at(-1)).toEqual([
    'hmget request',
    'script epoch',
    'script commit',
    'hmget request + hmget grant + hgetall digest + zrevrange digest:last',
  ])
})

test('credentials that are still good are handed out after one round trip', async (context) => {
  const redis = await startPrivateRedis()
  context.onTestFinished(() => redis.stop())
  const proxy = await startCountingProxy(redis.socket)
  context.onTestFinished(() => proxy.stop())
  const useCases = await openUseCases('round-trips', { redisUrl: proxy.url })
  context.onTestFinished(() => useCases.close())
  const grantId = await useCases.granted()
  const vend = () => vendCredentials(useCases.deps, useCases.as('rita'), grantId)
  const first = await vend()
  const before = proxy.trips().length
  expect(await vend()).toEqual(first)
  const commands = proxy
    .trips()
    .slice(before)
    .map((trip) => trip.map(([name = '']) => name))
  // The memory check is cached for two seconds.
  expect(commands.filter((names) => !names.includes('info'))).toEqual([['hmget', 'evalsha', 'evalsha', 'hmget']])
})
