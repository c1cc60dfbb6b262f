import { afterAll, describe, expect, test } from 'vitest'
import { isLatchkeyError, LatchkeyError } from '../../../src/errors.ts'
import { redisRecord } from '../../../src/redis/redis-record-store.ts'
import type { Commit, Limit } from '../../../src/store/commit.ts'
import { dump, eventOf, newId, redisFixture, until, write } from '../../fixtures/redis-record.ts'

const fixture = redisFixture('record')
const redis = await fixture.open('request')
const { prefix } = fixture
const record = redisRecord(redis, { prefix })

afterAll(() => fixture.close())

/** As several processes: each writer has a connection of its own. */
const writers = await Promise.all([1, 2, 3, 4].map(async () => redisRecord(await fixture.open('request'), { prefix })))

function writer(n: number) {
  return writers[n % writers.length] ?? record
}

const tooMany = new LatchkeyError('TOO_MANY', { limit: 'You have 5 open requests.', next: 'Wait.' })

function limitOf(value: string, atMost: number): Limit {
  return { kind: 'asks', value, since: 0, atMost, otherwise: tooMany }
}

function outcomes(settled: readonly PromiseSettledResult<void>[]) {
  const rejected = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []))
  return { done: settled.length - rejected.length, rejected }
}

describe('the one write', () => {
  test('writes record, due entry, index entry, audit event and job together', async () => {
    const [request, grant] = [newId('r'), newId('g')]
    await record.commit({
      records: [
        write(request, 0, { reason: '"Zürich" – \u2028' }, 'request'),
        write(grant, 0, { status: 'activating' }),
      ],
      due: [{ kind: 'grants', id: grant, at: 1_800_000_000_123 }],
      indexes: [{ kind: 'requester', value: 'ada', id: request, at: 7 }],
      audit: [eventOf(request)],
      jobs: [{ act: 'activate', recordId: grant, occasion: '1' }],
    })
    expect(await record.read('request', request)).toEqual({ version: 1, value: { reason: '"Zürich" – \u2028' } })
    expect(await record.readMany('grant', [grant, 'g-missing'])).toEqual([
      { version: 1, value: { status: 'activating' } },
      undefined,
    ])
    expect(await record.due('grants', 1_800_000_000_123, 10)).toContainEqual({ id: grant, at: 1_800_000_000_123 })
    expect(await record.list('requester', 'ada', { limit: 10 })).toEqual([request])
    const [, fields] = (await redis.xrevrange(`${prefix}:audit`, '+', '-', 'COUNT', 1))[0] ?? []
    expect(fields).toEqual(['event', JSON.stringify(eventOf(request))])
    const [, job] = (await redis.xrevrange(`${prefix}:outbox`, '+', '-', 'COUNT', 1))[0] ?? []
    expect(job).toEqual(['job', JSON.stringify({ act: 'activate', recordId: grant, occasion: '1' })])
  })

  test('an entry that is taken out of due and index is gone', async () => {
    const id = newId()
    const at = { due: [{ kind: 'requests', id, at: 5 }], indexes: [{ kind: 'who', value: 'bo', id, at: 5 }] } as const
    await record.commit({ records: [write(id, 0)], ...at, audit: [eventOf()] })
    const out = {
      due: [{ kind: 'requests', id, at: null }],
      indexes: [{ kind: 'who', value: 'bo', id, at: null }],
    } as const
    await record.commit({ records: [write(id, 1)], ...out, audit: [eventOf()] })
    expect(await record.due('requests', 5, 10)).toEqual([])
    expect(await record.list('who', 'bo', { limit: 10 })).toEqual([])
  })

  test('a record that only has to be as it was is left as it is, and refuses the commit once it moved', async () => {
    const [id, value] = [newId(), newId('r')]
    await record.commit({ records: [write(id, 0)], audit: [eventOf()] })
    const kept: Commit = {
      records: [{ kind: 'grant', id, expectedVersion: 1 }],
      indexes: [{ kind: 'vends', value, id: 'v-1', at: 1 }],
      audit: [eventOf()],
    }
    await record.commit(kept)
    await record.commit(kept)
    expect(await record.read('grant', id)).toEqual({ version: 1, value: { id } })
    expect(await record.list('vends', value, { limit: 9 })).toEqual(['v-1'])
    await record.commit({ records: [write(id, 1)], audit: [eventOf()] })
    const before = await dump(redis, prefix)
    await expect(record.commit(kept)).rejects.toMatchObject({ code: 'CONFLICT' })
    expect(await dump(redis, prefix)).toEqual(before)
  })

  test('a commit with one moved version, wherever it stands, writes nothing', async () => {
    const ids = [newId(), newId(), newId()]
    await record.commit({ records: ids.map((id) => write(id, 0)), audit: [eventOf()] })
    const before = await dump(redis, prefix)
    for (const [stale] of ids.entries()) {
      const records = ids.map((id, position) => write(id, position === stale ? 0 : 1, { changed: true }))
      const refused = record.commit({ ...everything(ids), records })
      await expect(refused).rejects.toMatchObject({ code: 'CONFLICT', facts: { thing: 'grant' } })
    }
    expect(await dump(redis, prefix)).toEqual(before)
  })

  test('a commit with one reached limit, wherever it stands, writes nothing and says which', async () => {
    const [full, free, id] = [newId('r'), newId('r'), newId()]
    await record.commit({ records: [], indexes: [{ kind: 'asks', value: full, id, at: 5 }], audit: [eventOf()] })
    const before = await dump(redis, prefix)
    const orders = [
      [limitOf(full, 1), limitOf(free, 1)],
      [limitOf(free, 1), limitOf(full, 1)],
    ]
    for (const limits of orders) {
      const refused = record.commit({ ...everything([id]), records: [write(id, 0)], limits })
      await expect(refused).rejects.toBe(tooMany)
    }
    expect(await dump(redis, prefix)).toEqual(before)
  })

  test('a key of a wrong type, wherever it stands, leaves nothing half written', async () => {
    const id = newId()
    for (const key of ['audit', 'outbox', 'due:grants', 'index:who:eve', `grant:${id}`]) {
      const other = `{t-forged-${newId()}}`
      await redis.set(`${other}:${key}`, 'forged')
      const before = await dump(redis, other)
      const change: Commit = { ...everything([id]), records: [write(id, 0)] }
      await expect(redisRecord(redis, { prefix: other }).commit(change)).rejects.toThrow('WRONGTYPE')
      expect(await dump(redis, other)).toEqual(before)
    }
  })

  test.each<[string, Partial<Commit>]>([
    ['the same record twice', { records: [write('g-twice', 0), write('g-twice', 0)] }],
    ['a time that is no number', { due: [{ kind: 'grants', id: 'g-nan', at: Number.NaN }] }],
    ['a job id that the queue would refuse', { jobs: [{ act: 'revoke', recordId: 'a:b', occasion: '1' }] }],
    ['an audit event that is none', { audit: [{ ...eventOf(), requestId: 7 } as never] }],
    ['no audit event', { audit: [] as never }],
  ])('a commit with %s is a mistake of ours and never sent', async (_what, fault) => {
    const before = await dump(redis, prefix)
    await expect(record.commit({ records: [write(newId(), 0)], audit: [eventOf()], ...fault })).rejects.toThrow()
    expect(await dump(redis, prefix)).toEqual(before)
  })

  test('of 200 simultaneous commits on one version exactly one wins', async () => {
    const id = newId()
    const settled = await Promise.allSettled(
      Array.from({ length: 200 }, (_, n) => writer(n).commit({ records: [write(id, 0, { n })], audit: [eventOf(id)] })),
    )
    const { done, rejected } = outcomes(settled)
    expect(done).toBe(1)
    expect(rejected.every((reason) => isLatchkeyError(reason, 'CONFLICT'))).toBe(true)
    const events = await redis.xrange(`${prefix}:audit`, '-', '+')
    expect(events.filter(([, fields]) => fields.includes(JSON.stringify(eventOf(id))))).toHaveLength(1)
  })

  test('of 50 simultaneous asks under a limit of 5 exactly 5 are taken', async () => {
    const who = newId('r')
    const ask = (n: number) => {
      const id = newId('r')
      const indexes = [{ kind: 'asks', value: who, id, at: 10 + n }]
      return writer(n).commit({ records: [write(id, 0)], indexes, limits: [limitOf(who, 5)], audit: [eventOf(id)] })
    }
    const { done, rejected } = outcomes(await Promise.allSettled(Array.from({ length: 50 }, (_, n) => ask(n))))
    expect(done).toBe(5)
    expect(new Set(rejected)).toEqual(new Set([tooMany]))
    expect(await record.list('asks', who, { limit: 100 })).toHaveLength(5)
  })

  test('a limit counts only what is later than since', async () => {
    const who = newId('r')
    const indexes = [100, 200].map((at) => ({ kind: 'asks', value: who, id: newId('r'), at }))
    await record.commit({ records: [], indexes, audit: [eventOf()] })
    const within = (since: number) =>
      record.commit({ records: [], limits: [{ ...limitOf(who, 1), since }], audit: [eventOf()] })
    await expect(within(199)).rejects.toBe(tooMany)
    await within(200)
  })

  test('what a limit no longer counts leaves the index, so that nobody fills it', async () => {
    const who = newId('r')
    const kept = newId('r')
    const indexes = [newId('r'), kept].map((id, position) => ({ kind: 'asks', value: who, id, at: 100 + position }))
    await record.commit({ records: [], indexes, audit: [eventOf()] })
    await record.commit({ records: [], limits: [{ ...limitOf(who, 5), kind: 'asks', since: 100 }], audit: [eventOf()] })
    expect(await record.list('asks', who, { limit: 10 })).toEqual([kept])
  })
})

describe('reading', () => {
  test('the longest overdue comes first, and nothing that is not due', async () => {
    const other = redisRecord(redis, { prefix: `{t-due-${newId()}}` })
    const due = [30, 10, 20, 40].map((at) => ({ kind: 'grants', id: `g-${at}`, at }) as const)
    await other.commit({ records: [], due, audit: [eventOf()] })
    expect(await other.due('grants', 30, 2)).toEqual([
      { id: 'g-10', at: 10 },
      { id: 'g-20', at: 20 },
    ])
    expect(await other.due('grants', 30, 9)).toHaveLength(3)
  })

  test('an index is listed from either end, between two times', async () => {
    const value = newId('r')
    const indexes = [1, 2, 3, 4].map((at) => ({ kind: 'mine', value, id: `r-${at}`, at }))
    await record.commit({ records: [], indexes, audit: [eventOf()] })
    expect(await record.list('mine', value, { from: 2, to: 3, limit: 9 })).toEqual(['r-2', 'r-3'])
    expect(await record.list('mine', value, { limit: 2, newestFirst: true })).toEqual(['r-4', 'r-3'])
  })

  test('what somebody wrote in by hand reaches the caller’s schema as what it is', async () => {
    await redis.hset(`${prefix}:grant:g-forged`, 'version', '3', 'json', '{not json')
    expect(await record.read('grant', 'g-forged')).toEqual({ version: 3, value: '{not json' })
  })

  test.each(['junk', '', '-1', '1.5', '0x2', '1e3', 'NaN', ' 2', '9'.repeat(30)])(
    'of a record with the version %j nothing is believed, and a commit that expects none makes it anew',
    async (version) => {
      const [id, other] = [newId(), newId()]
      await record.commit({ records: [write(other, 0)], audit: [eventOf()] })
      await redis.hset(`${prefix}:grant:${id}`, 'version', version, 'json', '{"mine":true}')
      expect(await record.read('grant', id)).toEqual({ version: 0, value: undefined })
      expect(await record.readMany('grant', [id, other])).toEqual([
        { version: 0, value: undefined },
        { version: 1, value: { id: other } },
      ])
      await record.commit({ records: [write(id, 0, { anew: true })], audit: [eventOf()] })
      expect(await record.read('grant', id)).toEqual({ version: 1, value: { anew: true } })
    },
  )

  test('the clock is that of Redis', async () => {
    const [seconds] = await redis.time()
    expect(Math.abs((await record.now()) - Number(seconds) * 1_000)).toBeLessThan(60_000)
  })
})

describe('leases', () => {
  test('of 100 simultaneous takers exactly one holds a lease', async () => {
    const id = newId()
    const taken = await Promise.all(Array.from({ length: 100 }, (_, n) => writer(n).lease(id, 60_000)))
    expect(taken.filter((lease) => lease !== undefined)).toHaveLength(1)
  })

  test('a released lease is free, a forgotten one lapses', async () => {
    const id = newId()
    const first = await record.lease(id, 60_000)
    await first?.release()
    expect(await record.lease(id, 20)).toBeDefined()
    await until(async () => (await record.lease(id, 60_000)) !== undefined)
  })

  test('releasing a lease that was lost leaves the next holder alone', async () => {
    const id = newId()
    const lost = await record.lease(id, 1)
    await until(async () => (await record.lease(id, 60_000)) !== undefined)
    await lost?.release()
    expect(await record.lease(id, 60_000)).toBeUndefined()
  })
})

test('the epoch of an empty Redis is made once, whoever asks first', async () => {
  const epochs = await Promise.all(Array.from({ length: 100 }, (_, n) => writer(n).epoch()))
  expect(new Set(epochs).size).toBe(1)
  expect(epochs[0]).toMatch(/^[0-9a-f-]{36}$/)
  const others = await redisRecord(redis, { prefix: `{t-epoch-${newId()}}` }).epoch()
  expect(others).not.toBe(epochs[0])
})

test.each(['', 'x'.repeat(6_000), 'unknown', '0B5F8C1E-0000-4000-8000-00000000000'])(
  'an epoch that we did not write counts as lost, and everybody takes the same fresh one: %#',
  async (forged) => {
    const before = await record.epoch()
    await redis.set(`${prefix}:epoch`, forged)
    const epochs = await Promise.all(Array.from({ length: 20 }, (_, n) => writer(n).epoch()))
    expect(new Set(epochs).size).toBe(1)
    expect(epochs[0]).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    expect(epochs[0]).not.toBe(before)
    expect(await redis.get(`${prefix}:epoch`)).toBe(epochs[0])
  },
)

test('an epoch of another type counts as lost too', async () => {
  await redis.del(`${prefix}:epoch`)
  await redis.rpush(`${prefix}:epoch`, 'x')
  expect(await record.epoch()).toMatch(/^[0-9a-f-]{36}$/)
  expect(await record.epoch()).toBe(await redis.get(`${prefix}:epoch`))
})

function everything(ids: readonly string[]): Omit<Commit, 'records'> {
  return {
    due: ids.map((id) => ({ kind: 'grants', id, at: 99 }) as const),
    indexes: ids.map((id) => ({ kind: 'who', value: 'eve', id, at: 99 })),
    audit: [eventOf('r-never')],
    jobs: ids.map((recordId) => ({ act: 'revoke', recordId, occasion: '1' }) as const),
  }
}
