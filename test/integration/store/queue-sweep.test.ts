import { Queue } from 'bullmq'
import { afterAll, describe, expect, type TestContext, test } from 'vitest'
import { startRedis } from '../../../bootstrap/redis.mjs'
import { startTcpProxy } from '../../../sandbox/tcp-proxy.ts'
import { bullQueue } from '../../../src/redis/job-queue.ts'
import { redisOutbox } from '../../../src/redis/outbox.ts'
import { startWorkers, type Task } from '../../../src/redis/queue-workers.ts'
import { redisRecord } from '../../../src/redis/redis-record-store.ts'
import { relayOutbox } from '../../../workers/relay-outbox.ts'
import { type SweepDeps, sweepDue } from '../../../workers/sweep-due.ts'
import { eventOf, newId, redisFixture, until, write } from '../../fixtures/redis-record.ts'

const fixture = redisFixture('sweep')
const { log } = fixture
const request = await fixture.open('request')
const shared = await fixture.open('worker')

/** The test's own: they run at the same time, because some wait for real time. What was begun last is stopped first. */
type Mine = Pick<TestContext, 'onTestFinished'>

afterAll(() => fixture.close())

function fresh({ onTestFinished }: Mine) {
  const prefix = `{t-sweep-${newId()}}`
  const queue = bullQueue(shared, { prefix, log })
  onTestFinished(queue.close)
  return { prefix, record: redisRecord(request, { prefix }), queue }
}

function sweep({ onTestFinished }: Mine, deps: Pick<SweepDeps, 'record' | 'queue'> & Partial<SweepDeps>) {
  const nothing = async () => {}
  const loop = sweepDue({
    log,
    revokeNow: nothing,
    lapse: nothing,
    keepRole: nothing,
    keepTarget: nothing,
    syncMessages: nothing,
    deliverSecurityNotice: nothing,
    ...deps,
  })
  onTestFinished(loop.stop)
  return loop
}

function noting({ onTestFinished }: Mine, prefix: string): Task[] {
  const ran: Task[] = []
  const handle = async (task: Task) => {
    ran.push(task)
    return {}
  }
  const workers = startWorkers(shared, {
    prefix,
    log,
    concurrency: 5,
    handlers: { revoke: handle, activate: handle, cards: handle },
  })
  onTestFinished(workers.close)
  return ran
}

describe.concurrent('what is due', () => {
  test('is enqueued again after the whole queue was deleted', async (mine) => {
    const { prefix, record, queue } = fresh(mine)
    const now = await record.now()
    const live = { status: 'active', endsAt: new Date(now - 3_000).toISOString() }
    const ids = Array.from({ length: 20 }, () => newId())
    await record.commit({
      records: ids.map((id) => write(id, 0, live)),
      due: ids.map((id) => ({ kind: 'grants', id, at: now - 3_000 }) as const),
      audit: [eventOf()],
    })
    await queue.add(ids.map((recordId) => ({ act: 'revoke', recordId, occasion: '1' })))
    const held = new Queue('revoke', { connection: shared, prefix })
    await held.obliterate({ force: true })
    await held.close()
    const ran = noting(mine, prefix)
    sweep(mine, { record, queue })
    await until(() => new Set(ran.map((task) => task.recordId)).size === 20)
    expect(ran.every((task) => task.act === 'revoke')).toBe(true)
  })

  test('is activated while its end is not fixed, and otherwise only ever revoked', async (mine) => {
    const { prefix, record, queue } = fresh(mine)
    const at = (await record.now()) - 3_000
    const endsAt = new Date(at).toISOString()
    const grants = [
      ['g-waiting', { status: 'activating' }, 'activate'],
      ['g-fixed', { status: 'activating', endsAt }, 'revoke'],
      ['g-active', { status: 'active', endsAt }, 'revoke'],
      ['g-revoking', { status: 'revoking', endsAt }, 'revoke'],
      ['g-strange', { status: 7 }, 'revoke'],
    ] as const
    const ids = [...grants.map(([id]) => id), 'g-missing', 'g-forged']
    await record.commit({
      records: grants.map(([id, next]) => write(id, 0, next)),
      due: ids.map((id) => ({ kind: 'grants', id, at }) as const),
      audit: [eventOf()],
    })
    // Redis refuses to read a key of another type.
    await request.set(`${prefix}:grant:g-forged`, 'forged')
    const ran = noting(mine, prefix)
    sweep(mine, { record, queue })
    await until(() => ran.length >= ids.length)
    const wanted = [...grants.map(([id, , act]) => [id, act]), ['g-missing', 'revoke'], ['g-forged', 'revoke']]
    expect(Object.fromEntries(ran.map((task) => [task.recordId, task.act]))).toEqual(Object.fromEntries(wanted))
  })

  test('and not due yet, or due only just now, is left to the queue', async (mine) => {
    const { prefix, record, queue } = fresh(mine)
    const now = await record.now()
    const due = [
      { kind: 'grants', id: 'g-over', at: now - 60_000 },
      { kind: 'grants', id: 'g-just', at: now + 3_600_000 },
    ] as const
    const records = due.map(({ id }) => write(id, 0, { status: 'active' }))
    await record.commit({ records, due, audit: [eventOf()] })
    const ran = noting(mine, prefix)
    sweep(mine, { record, queue })
    await until(() => ran.length > 0)
    expect(ran.map((task) => task.recordId)).toEqual(['g-over'])
  })
})

describe.concurrent('a revocation that is overdue by 30 seconds', () => {
  test('is carried out by the sweeper while the queue does not answer, one failure beside it or not', async (mine) => {
    const { record } = fresh(mine)
    const broken = await startRedis()
    mine.onTestFinished(broken.stop)
    const elsewhere = redisFixture('sweep-broken', broken.url)
    mine.onTestFinished(async () => elsewhere.close())
    const queue = bullQueue(await elsewhere.open('worker'), { log: elsewhere.log })
    await broken.kill9()
    const at = (await record.now()) - 31_000
    const ids = ['g-bad', 'g-good', 'g-activating', 'g-late']
    const next = (id: string) => ({ status: id === 'g-activating' ? 'activating' : 'revoking' })
    await record.commit({
      records: ids.map((id) => write(id, 0, next(id))),
      due: ids.map((id) => ({ kind: 'grants', id, at: id === 'g-late' ? at + 25_000 : at }) as const),
      audit: [eventOf()],
    })
    const tried: string[] = []
    const loop = sweep(mine, {
      record,
      queue,
      revokeNow: async (id) => {
        tried.push(id)
        if (id === 'g-bad') throw new Error('AWS says no')
        await record.commit({ records: [], due: [{ kind: 'grants', id, at: null }], audit: [eventOf()] })
      },
    })
    await until(() => tried.includes('g-good') && tried.includes('g-bad'))
    expect(tried).not.toContain('g-activating')
    // The failed entry is tried again, and the loop continues.
    await until(() => tried.filter((id) => id === 'g-bad').length === 2)
    expect(tried.filter((id) => id === 'g-good')).toHaveLength(1)
    expect(loop.sinceLastTurnMs()).toBeGreaterThan(0)
  })
})

describe.concurrent('a due request', () => {
  test('lapses, also when another one cannot', async (mine) => {
    const { record, queue } = fresh(mine)
    const now = await record.now()
    const due = ['r-bad', 'r-good'].map((id, n) => ({ kind: 'requests', id, at: now - 10 + n }) as const)
    await record.commit({
      records: [],
      due: [...due, { kind: 'requests', id: 'r-later', at: now + 3_600_000 }],
      audit: [eventOf()],
    })
    const lapsed: string[] = []
    sweep(mine, {
      record,
      queue,
      lapse: async (id) => {
        if (id === 'r-bad') throw new Error('cannot')
        lapsed.push(id)
      },
    })
    await until(() => lapsed.length > 0)
    expect(lapsed).toEqual(['r-good'])
  })
})

describe.concurrent('over an outage', () => {
  async function own({ onTestFinished }: Mine) {
    const server = await startRedis()
    onTestFinished(server.stop)
    const network = await startTcpProxy(server.socket)
    onTestFinished(network.stop)
    const over = redisFixture('sweep-outage', network.url)
    onTestFinished(async () => over.close())
    const { prefix } = over
    const connection = await over.open('worker')
    const queue = bullQueue(connection, { prefix, log: over.log })
    onTestFinished(queue.close)
    const relay = relayOutbox({
      outbox: redisOutbox(await over.open('worker'), { prefix, log: over.log }),
      queue,
      log: over.log,
    })
    onTestFinished(relay.stop)
    const ran: string[] = []
    const handle = async ({ recordId }: Task) => {
      ran.push(recordId)
      return {}
    }
    const handlers = { revoke: handle, activate: handle, cards: handle }
    const workers = startWorkers(connection, { prefix, log: over.log, concurrency: 5, handlers })
    onTestFinished(workers.close)
    const direct = await over.open('request', server.url)
    const record = redisRecord(direct, { prefix })
    const name = (recordId: string) =>
      record.commit({ records: [], audit: [eventOf()], jobs: [{ act: 'revoke', recordId, occasion: '1' }] })
    const answers = () =>
      record.now().then(
        () => true,
        () => false,
      )
    return { server, network, direct, ran, name, answers }
  }

  test('relay and worker keep going through a killed Redis', async (mine) => {
    const { server, ran, name, answers } = await own(mine)
    await name('g-before')
    await until(() => ran.includes('g-before'))
    await server.kill9()
    await server.restart()
    await until(answers)
    await name('g-after')
    await until(() => ran.includes('g-after'))
    expect(ran).toEqual(['g-before', 'g-after'])
  })

  test('relay and worker keep going through an emptied Redis', async (mine) => {
    const { direct, ran, name } = await own(mine)
    await name('g-before')
    await until(() => ran.includes('g-before'))
    await direct.flushall()
    await name('g-after')
    await until(() => ran.includes('g-after'))
    expect(ran).toEqual(['g-before', 'g-after'])
  })

  test('relay and worker find a new connection when theirs fell silent', async (mine) => {
    const { network, ran, name } = await own(mine)
    await name('g-before')
    await until(() => ran.includes('g-before'))
    network.blackHole()
    await name('g-after')
    await until(() => ran.includes('g-after'))
    // A job whose completion was lost in the outage runs once more: a queue can promise only "at least once".
    expect(new Set(ran)).toEqual(new Set(['g-before', 'g-after']))
  })
})
