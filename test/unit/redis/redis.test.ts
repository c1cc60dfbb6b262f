import { describe, expect, test } from 'vitest'
import { LatchkeyError } from '../../../src/errors.ts'
import { backoffMs, isThrottle } from '../../../src/redis/backoff.ts'
import { judge, judgeSkew } from '../../../src/redis/check-redis.ts'
import { parseAddress } from '../../../src/redis/connections.ts'
import { parseInfo } from '../../../src/redis/info.ts'
import { keysUnder } from '../../../src/redis/keys.ts'
import { answered, replyCode, translate } from '../../../src/redis/redis-errors.ts'

function replyError(message: string): Error {
  return Object.assign(new Error(message), { name: 'ReplyError', command: { name: 'auth', args: ['hunter2'] } })
}

describe('REDIS_URL', () => {
  test.each([
    ['/run/redis.sock', { kind: 'socket', path: '/run/redis.sock' }],
    ['unix:/run/redis.sock', { kind: 'socket', path: '/run/redis.sock' }],
    ['unix:///run/redis.sock', { kind: 'socket', path: '/run/redis.sock' }],
    ['redis://127.0.0.1:6379', { kind: 'server', url: 'redis://127.0.0.1:6379' }],
    ['rediss://:secret@cache.example:6380/1', { kind: 'server', url: 'rediss://:secret@cache.example:6380/1' }],
  ])('%s is understood', (text, address) => {
    expect(parseAddress(text)).toEqual(address)
  })

  test('a list is a cluster', () => {
    const address = parseAddress('rediss://a.example:1, rediss://b.example:2')
    expect(address.kind === 'cluster' && address.nodes.map((node) => node.host)).toEqual(['a.example:1', 'b.example:2'])
  })

  test.each(['', 'localhost', 'http://a.example', 'redis://', 'redis://:hunter2@', 'redis://a.example,nonsense'])(
    '%j is refused with the forms there are and without repeating it',
    (text) => {
      expect(() => parseAddress(text)).toThrow(/redis:\/\/host:port/)
      expect(() => parseAddress(text)).not.toThrow(/hunter2/)
    },
  )
})

describe('what Redis or ioredis says', () => {
  test.each([
    'OOM command not allowed',
    'LOADING Redis is loading',
    'READONLY You cannot write',
    'ERR Error running script (call to f_1): @user_script:9: @user_script: 9: -OOM command not allowed when used memory',
  ])('%s becomes UNAVAILABLE', (message) => {
    expect(translate(replyError(message))).toMatchObject({ code: 'UNAVAILABLE', facts: { what: 'the record' } })
  })

  test('no answer becomes UNAVAILABLE', async () => {
    expect(replyCode(new Error('Command timed out'))).toBeUndefined()
    await expect(answered(Promise.reject(new Error('read ECONNRESET')))).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  test('a mistake stays a mistake, without the words that were sent', () => {
    const error = translate(replyError('WRONGPASS invalid username-password pair'))
    expect(error).not.toBeInstanceOf(LatchkeyError)
    expect(JSON.stringify([error.message, Object.entries(error), error.cause])).not.toContain('hunter2')
  })
})

describe('the wait before the next try', () => {
  test('grows and stays bounded', () => {
    expect([1, 2, 30, 1e9].map((attempts) => backoffMs(attempts, false, 0))).toEqual([1_000, 2_000, 30_000, 30_000])
    expect(backoffMs(1, true, 0)).toBe(500)
    expect(backoffMs(1e9, true, 1)).toBe(60_000)
  })

  test('is spread out only for what AWS throttled', () => {
    const refusal = (awsCode: string) => new LatchkeyError('AWS_REFUSED', { doing: 'a call', awsCode, next: 'Wait.' })
    expect(isThrottle(refusal('Throttling'))).toBe(true)
    expect(isThrottle(refusal('AccessDenied'))).toBe(false)
    expect(isThrottle(new Error('Throttling'))).toBe(false)
  })
})

test('all keys of one installation lie in one slot', () => {
  expect(keysUnder('{latchkey}').index('requester', 'a}b{c')).toBe('{latchkey}:index:requester:a}b{c')
  for (const prefix of ['latchkey', '{}', '{a}{b}', 'x{a}']) expect(() => keysUnder(prefix)).toThrow('hash tag')
})

describe('preflight', () => {
  const good = {
    redis_version: '7.0.15',
    role: 'master',
    aof_enabled: '1',
    maxmemory: '1073741824',
    maxmemory_policy: 'noeviction',
  }
  const judged = (change: Partial<typeof good>, appendfsync: string | undefined = 'always', managed = false) => {
    const lines = Object.entries({ ...good, ...change }).map(([name, value]) => `${name}:${value}`)
    return judge({ info: parseInfo(lines.join('\r\n')), appendfsync, managed })
  }

  test('finds nothing in a good Redis', () => {
    expect(judged({})).toEqual({ refusals: [], warnings: [] })
  })

  test.each([
    [{ aof_enabled: '0' }, /appendonly yes/],
    [{ maxmemory_policy: 'allkeys-lru' }, /noeviction/],
    [{ role: 'slave' }, /primary/],
    [{ redis_version: '6.0.16' }, /6\.2/],
  ])('refuses %j and says what to do', (change, sentence) => {
    const { refusals } = judged(change)
    expect(refusals).toHaveLength(1)
    expect(refusals[0]).toMatch(sentence)
  })

  test('warns at everysec, without maxmemory, and where CONFIG is forbidden', () => {
    expect(judged({}, 'everysec').warnings[0]).toMatch(/appendfsync always/)
    expect(judged({ maxmemory: '0' }).warnings[0]).toMatch(/maxmemory/)
    const { warnings } = judge({
      info: parseInfo(
        Object.entries(good)
          .map((each) => each.join(':'))
          .join('\r\n'),
      ),
      appendfsync: undefined,
      managed: false,
    })
    expect(warnings[0]).toMatch(/REDIS_DURABILITY=managed/)
  })

  test('takes the word of REDIS_DURABILITY=managed for durability, and for nothing else', () => {
    expect(judged({ aof_enabled: '0' }, 'no', true)).toEqual({ refusals: [], warnings: [] })
    expect(judged({ maxmemory_policy: 'allkeys-lru' }, 'no', true).refusals).toHaveLength(1)
  })

  test('refuses clocks more than two seconds apart, either way', () => {
    expect([2_000, -2_000, 0].flatMap(judgeSkew)).toEqual([])
    expect([2_001, -3_600_000].flatMap(judgeSkew)).toHaveLength(2)
  })
})
