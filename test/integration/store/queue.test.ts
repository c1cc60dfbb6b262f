import { Queue } from 'bullmq'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import type { Job, QueueName } from '../../../src/jobs/catalog.ts'
import { bullQueue } from '../../../src/redis/job-queue.ts'
import { redisOutbox } from '../../../src/redis/outbox.ts'
import { startWorkers, type Task } from '../../../src/redis/queue-workers.ts'
import { redisRecord } from '../../../src/redis/redis-record-store.ts'
import { relayOutbox } from '../../../workers/relay-outbox.ts'
import { eventOf, newId, redisFixture, until } from '../../fixtures/redis-record.ts'

const fixture = redisFixture('queue')
const { log } = fixture
const request = await fixture.open('request')
const shared = await fixture.open('worker')

const toStop: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const stop of toStop.splice(0).reverse()) await stop()
})
afterAll(() => fixture.close())

/** A queue, an outbox and a record of this test alone. */
async function fresh() {
  const prefix = `{t-queue-${newId()}}`
  const record = redisRecord(request, { prefix })
  const queue = bullQueue(shared, { prefix, log })
  toStop.push(queue.close)
  const openOutbox = async () => redisOutbox(await fixture.open('worker'), { prefix, log, claimAfterMs: 20 })
  return { prefix, record, queue, openOutbox }
}

function job(change: Partial<Job> = {}): Job {
  return { act: 'revoke', recordId: newId(), occasion: '1', ...change }
}

function stored(prefix: string, name: QueueName): Queue {
  const queue = new Queue(name, { connection: shared, prefix })
  toStop.push(() => queue.close())
  return queue
}

type Handle = (task: Task) => Promise<{ readonly againAt?: number }>

function work(prefix: string, handle: Handle, concurrency = 5) {
  const workers = startWorkers(shared, {
    prefix,
    log,
    concurrency,
    handlers: { revoke: handle, activate: handle, cards: handle },
  })
  toStop.push(workers.close)
  return workers
}

function noting(prefix: string): Task[] {
  const ran: Task[] = []
  work(prefix, async (task) => {
    ran.push(task)
    return {}
  })
  return ran
}

describe('from the commit to the handler', () => {
  test('a job that a commit names runs once, and the outbox is empty again', async () => {
    const { prefix, record, queue, openOutbox } = await fresh()
    const relay = relayOutbox({ outbox: await openOutbox(), queue, log })
    toStop.push(relay.stop)
    const ran = noting(prefix)
    const named = [job(), job({ act: 'activate' }), job()]
    await record.commit({ records: [], audit: [eventOf()], jobs: named })
    await until(() => ran.length === 3)
    await until(async () => (await request.xlen(`${prefix}:outbox`)) === 0)
    const wanted = named.map(({ act, recordId }) => ({ act, recordId }))
    expect(ran).toHaveLength(3)
    expect(ran).toEqual(expect.arrayContaining(wanted))
    expect((await request.xpending(`${prefix}:outbox`, 'relay'))[0]).toBe(0)
  })

  test('an entry that comes again after a crash between add and acknowledgement is one job', async () => {
    const { prefix, record, queue, openOutbox } = await fresh()
    const named = job()
    await record.commit({ records: [], audit: [eventOf()], jobs: [named] })
    const crashed = await openOutbox()
    const first = await crashed.read(10)
    await queue.add(first.map((entry) => entry.job))
    const outbox = await openOutbox()
    let again = await outbox.read(10)
    await until(async () => {
      if (again.length === 0) again = await outbox.read(10)
      return again.length > 0
    })
    expect(again).toEqual(first)
    await queue.add(again.map((entry) => entry.job))
    await outbox.acknowledge(again.map((entry) => entry.entryId))
    expect(await stored(prefix, 'revoke').getJobCountByTypes('wait', 'delayed', 'active')).toBe(1)
    expect(await request.xlen(`${prefix}:outbox`)).toBe(0)
  })

  test('two relays never hand out the same new entry', async () => {
    const { record, openOutbox } = await fresh()
    const outboxes = [await openOutbox(), await openOutbox()]
    await record.commit({ records: [], audit: [eventOf()], jobs: Array.from({ length: 40 }, () => job()) })
    const read = (await Promise.all(outboxes.map((outbox) => outbox.read(20)))).flat()
    expect(new Set(read.map((entry) => entry.entryId)).size).toBe(read.length)
  })

  test('what somebody else wrote into the outbox is removed, told, and holds nothing up', async () => {
    const { prefix, record, openOutbox } = await fresh()
    const outbox = await openOutbox()
    await request.xadd(`${prefix}:outbox`, '*', 'job', '{"act":"grant-all","recordId":"x","occasion":"1"}')
    await request.xadd(`${prefix}:outbox`, '*', 'job', '{not json')
    const named = job()
    await record.commit({ records: [], audit: [eventOf()], jobs: [named] })
    expect((await outbox.read(10)).map((entry) => entry.job)).toEqual([named])
    expect(await request.xlen(`${prefix}:outbox`)).toBe(1)
    expect(fixture.lines.map((line) => line.msg)).toContain(
      'the outbox held entries that are not jobs; they were removed',
    )
  })
})

describe('a worker', () => {
  test('puts back a job that comes before its time by the clock of Redis', async () => {
    const { prefix, record, queue } = await fresh()
    const at = (await record.now()) + 600
    const named = job({ at })
    await queue.add([named])
    const seen: number[] = []
    // BullMQ uses this process's clock, by which the job is due now.
    const [early] = await stored(prefix, 'revoke').getDelayed()
    await early?.promote()
    work(prefix, async () => {
      seen.push(await record.now())
      return {}
    })
    await until(() => seen.length === 1)
    expect(seen[0]).toBeGreaterThanOrEqual(at)
  })

  test('runs a job again when its handler asks for it', async () => {
    const { prefix, record, queue } = await fresh()
    const named = job()
    const seen: number[] = []
    let askedFor = 0
    work(prefix, async () => {
      seen.push(await record.now())
      if (seen.length > 1) return {}
      askedFor = (await record.now()) + 300
      return { againAt: askedFor }
    })
    await queue.add([named])
    await until(() => seen.length === 2)
    expect(seen[1]).toBeGreaterThanOrEqual(askedFor)
  })

  test('tries a failed job again, and keeps nothing of the error in Redis', async () => {
    const { prefix, queue } = await fresh()
    let tries = 0
    work(prefix, async () => {
      tries += 1
      if (tries < 3) throw new Error('ASIASECRET was refused')
      return {}
    })
    const named = job()
    await queue.add([named])
    await until(() => tries === 1)
    const held = stored(prefix, 'revoke')
    await until(async () => (await held.getDelayedCount()) === 1)
    const [waiting] = await held.getDelayed()
    // BullMQ's scripts round it to fourteen digits.
    expect(waiting?.opts.attempts).toBeGreaterThan(1e15)
    expect(JSON.stringify(waiting)).not.toContain('ASIASECRET')
    await until(() => tries === 3)
  })

  test('does not run what is not a job of the catalogue', async () => {
    const { prefix, queue } = await fresh()
    const held = stored(prefix, 'revoke')
    await held.addBulk([
      { name: 'grant-all', data: { grantId: 'g-1' } },
      { name: 'revoke', data: { grantId: 'g-1', and: 'more' } },
    ])
    const named = job()
    await queue.add([named])
    const ran = noting(prefix)
    await until(async () => (await held.getFailedCount()) === 2)
    await until(() => ran.length === 1)
    expect(ran).toEqual([{ act: 'revoke', recordId: named.recordId }])
  })

  test('finishes the job in hand before it closes', async () => {
    const { prefix, queue } = await fresh()
    let started = false
    let finish = () => {}
    const held = new Promise<void>((resolve) => {
      finish = resolve
    })
    let finished = false
    const workers = work(prefix, async () => {
      started = true
      await held
      finished = true
      return {}
    })
    await queue.add([job()])
    await until(() => started)
    const closed = workers.close()
    finish()
    await closed
    expect(finished).toBe(true)
  })

  test('with every place taken by activations still revokes', async () => {
    const { prefix, queue } = await fresh()
    let release = () => {}
    const stuck = new Promise<void>((resolve) => {
      release = resolve
    })
    const revoked: string[] = []
    work(
      prefix,
      async ({ act, recordId }) => {
        if (act === 'activate') await stuck
        if (act === 'revoke') revoked.push(recordId)
        return {}
      },
      2,
    )
    const named = job()
    await queue.add([...Array.from({ length: 10 }, () => job({ act: 'activate' })), named])
    await until(() => revoked.length === 1)
    release()
    expect(revoked).toEqual([named.recordId])
  })
})
