import { describe, expect, type TestContext, test } from 'vitest'
import { startRedis } from '../../../bootstrap/redis.mjs'
import { startTcpProxy } from '../../../sandbox/tcp-proxy.ts'
import { redisRecord } from '../../../src/redis/redis-record-store.ts'
import { dump, eventOf, newId, redisFixture, until, write } from '../../fixtures/redis-record.ts'

/** A Redis of the test's own, a record over a network that can fail, and a look past it. Tests that wait for real time run at the same time. */
async function open({ onTestFinished }: Pick<TestContext, 'onTestFinished'>) {
  const server = await startRedis()
  onTestFinished(server.stop)
  const network = await startTcpProxy(server.socket)
  onTestFinished(network.stop)
  const here = redisFixture('outage', network.url)
  onTestFinished(here.close)
  const { prefix } = here
  const redis = await here.open('request')
  const direct = await here.open('request', server.url)
  const [record, past] = [redisRecord(redis, { prefix }), redisRecord(direct, { prefix })]
  return { server, network, here, redis, direct, record, past, prefix }
}

const unavailable = { code: 'UNAVAILABLE', facts: { what: 'the record' } }

test.concurrent('a commit is one round trip', async (mine) => {
  const { record, network } = await open(mine)
  const commit = (id: string) =>
    record.commit({
      records: [write(id, 0), write(`${id}-deny`, 0, {}, 'deny')],
      due: [{ kind: 'grants', id, at: 1 }],
      indexes: [{ kind: 'who', value: 'ada', id, at: 1 }],
      limits: [{ kind: 'who', value: 'ada', since: 0, atMost: 5, otherwise: new Error('too many') }],
      audit: [eventOf(), eventOf()],
      jobs: [{ act: 'activate', recordId: id, occasion: '1' }],
    })
  await commit(newId())
  const before = network.chunksSent()
  await commit(newId())
  expect(network.chunksSent() - before).toBe(1)
})

describe.concurrent('a commit whose reply was lost', () => {
  test('is not taken for somebody else’s when it is sent again', async (mine) => {
    const { record, past, direct, prefix, network } = await open(mine)
    const id = newId()
    await record.commit({ records: [write(id, 0)], audit: [eventOf()] })
    network.loseReplies()
    const commit = record.commit({
      records: [write(id, 1, { changed: true })],
      audit: [eventOf(id)],
      jobs: [{ act: 'revoke', recordId: id, occasion: '2' }],
    })
    await until(async () => (await past.read('grant', id))?.version === 2)
    network.heal()
    network.cut()
    await commit
    expect(await past.read('grant', id)).toEqual({ version: 2, value: { changed: true } })
    expect(await direct.xlen(`${prefix}:audit`)).toBe(2)
    expect(await direct.xlen(`${prefix}:outbox`)).toBe(1)
  })

  test('tells that it may have been done when no answer comes at all', async (mine) => {
    const { record, past, network } = await open(mine)
    const id = newId()
    // A new Redis does not know the script yet, and would wait for a second sending.
    await record.commit({ records: [], audit: [eventOf()] })
    network.loseReplies()
    const commit = record.commit({ records: [write(id, 0)], audit: [eventOf()] })
    await expect(commit).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      facts: { what: 'the record', perhapsDone: true },
    })
    expect((await past.read('grant', id))?.version).toBe(1)
  })

  test('is refused when another commit was first', async (mine) => {
    const { record, past, network } = await open(mine)
    const id = newId()
    network.freeze()
    const late = record.commit({ records: [write(id, 0, { by: 'late' })], audit: [eventOf()] })
    await past.commit({ records: [write(id, 0, { by: 'first' })], audit: [eventOf()] })
    network.heal()
    await expect(late).rejects.toMatchObject({ code: 'CONFLICT' })
    expect(await past.read('grant', id)).toEqual({ version: 1, value: { by: 'first' } })
  })
})

describe.concurrent('while Redis cannot be reached', () => {
  test('the record says so and recovers by itself', async (mine) => {
    const { record, server } = await open(mine)
    await server.kill9()
    await expect(record.read('grant', 'g-1')).rejects.toMatchObject(unavailable)
    const refused = record.commit({ records: [write('g-1', 0)], audit: [eventOf()] })
    await expect(refused).rejects.toMatchObject(unavailable)
    await expect(record.lease('x', 1_000)).rejects.toMatchObject(unavailable)
    await server.restart()
    await until(() =>
      record.now().then(
        () => true,
        () => false,
      ),
    )
    expect(await record.read('grant', 'g-1')).toBeUndefined()
  })

  test('a commit that was never sent says that nothing was changed', async (mine) => {
    const { redis, record, server } = await open(mine)
    await server.kill9()
    await until(() => redis.status !== 'ready')
    const refused = record.commit({ records: [write('g-1', 0)], audit: [eventOf()] })
    await expect(refused).rejects.toThrow('Nothing was changed')
  })

  test('a connection that fell silent answers UNAVAILABLE, and a new one takes its place', async (mine) => {
    const { record, network } = await open(mine)
    network.blackHole()
    await expect(record.read('grant', 'g-1')).rejects.toMatchObject(unavailable)
    await until(() =>
      record.now().then(
        () => true,
        () => false,
      ),
    )
    expect(await record.read('grant', 'g-1')).toBeUndefined()
  })

  test('the log tells of the loss once and of the return once', async (mine) => {
    const { redis, record, server, here } = await open(mine)
    const told = (msg: string) => here.lines.filter((line) => line.msg === msg).length
    await server.kill9()
    await until(() => told('Redis is not reachable') === 2)
    await expect(record.now()).rejects.toMatchObject(unavailable)
    await server.restart()
    await until(() => told('Redis is reachable again') === 2)
    expect(redis.status).toBe('ready')
    // One of each for either connection, however often they tried.
    expect(told('Redis is not reachable')).toBe(2)
  })
})

describe.concurrent('a restart of Redis', () => {
  test.for(['restarted', 'killed'] as const)('loses nothing that was committed (%s)', async (how, mine) => {
    const { record, past, direct, prefix, server } = await open(mine)
    const ids = Array.from({ length: 50 }, () => newId())
    await Promise.all(
      ids.map((id) =>
        record.commit({
          records: [write(id, 0)],
          due: [{ kind: 'grants', id, at: 1 }],
          audit: [eventOf(id)],
          jobs: [{ act: 'revoke', recordId: id, occasion: '1' }],
        }),
      ),
    )
    const epoch = await record.epoch()
    const before = await dump(direct, prefix)
    if (how === 'killed') await server.kill9()
    await server.restart()
    await until(() =>
      past.now().then(
        () => true,
        () => false,
      ),
    )
    const after = await dump(direct, prefix)
    const lasting = ([key]: [string, string]) => !key.includes(':commit:')
    expect([...after].filter(lasting)).toEqual([...before].filter(lasting))
    expect(await past.epoch()).toBe(epoch)
  })
})

describe.concurrent('a full Redis', () => {
  test('has no room above 70 % of its memory, and always without a limit', async (mine) => {
    const { direct, prefix } = await open(mine)
    const used = Number(/used_memory:(\d+)/.exec(await direct.info('memory'))?.[1])
    const roomWith = async (maxmemory: number) => {
      await direct.call('CONFIG', 'SET', 'maxmemory', String(maxmemory))
      return redisRecord(direct, { prefix }).hasRoom()
    }
    expect(await roomWith(0)).toBe(true)
    expect(await roomWith(used * 2)).toBe(true)
    expect(await roomWith(Math.floor(used * 1.2))).toBe(false)
  })

  test('refuses a whole commit and writes none of it', async (mine) => {
    const { record, direct, prefix } = await open(mine)
    const id = newId()
    await record.commit({ records: [write(id, 0)], due: [{ kind: 'grants', id, at: 1 }], audit: [eventOf()] })
    const before = await dump(direct, prefix)
    await direct.call('CONFIG', 'SET', 'maxmemory', '1mb')
    const due = [{ kind: 'grants', id, at: null }] as const
    const refused = record.commit({ records: [write(id, 1, { big: 'x'.repeat(999) })], due, audit: [eventOf()] })
    await expect(refused).rejects.toMatchObject(unavailable)
    expect(await dump(direct, prefix)).toEqual(before)
  })
})
