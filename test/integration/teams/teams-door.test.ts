import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { WRONG_BOT_TOKENS } from '../../../sandbox/teams/wrong-tokens.ts'
import { strangeKey, tryForgedActivities } from '../../../src/http/authentication-self-test.ts'
import { httpServer } from '../../../src/http/server.ts'
import { CONNECTOR_ISSUER } from '../../../src/signing-keys/connector-keys.ts'
import { openDoor, type TeamsDoor } from '../../fixtures/teams.ts'

let door: TeamsDoor
let known: { readonly authorization: string }

beforeAll(async () => {
  door = await openDoor()
  known = { authorization: await door.teams.authorization() }
})
afterAll(() => door.stop())
/** The SDK's own output, which does not go through our log. */
const printed = vi.spyOn(console, 'error')

afterEach(() => {
  vi.useRealTimers()
  expect(printed.mock.calls).toEqual([])
  door.teams.faults.heal()
  door.botCalls.splice(0)
  door.passed.splice(0)
})

/** The clock of pauses starts at 0 when it is replaced. */
function later(milliseconds: number): void {
  const nowMs = performance.now()
  vi.useFakeTimers({ toFake: ['performance'] })
  vi.advanceTimersByTime(nowMs + milliseconds)
}

function activity(changes: object = {}): object {
  return { ...door.teams.activity('rita', 'my access'), ...changes }
}

/** The route still works for activities of its own tenant. */
async function expectHeard(): Promise<void> {
  expect(await door.post(activity(), known)).toMatchObject({ status: 200, body: '' })
  expect(door.botCalls).toHaveLength(1)
}

describe('invariant 13: nobody but our own Teams is heard', () => {
  test.each(WRONG_BOT_TOKENS)('a token that is wrong is 401: %s', async (wrong) => {
    const before = await door.refused()
    const delivered = await door.teams.deliver(door.teams.activity('rita', 'my access'), wrong)
    expect(delivered).toEqual({ status: 401, body: { error: 'Only Teams is heard here.' } })
    expect(await door.refused()).toBe(before + 1)
    expect(door.passed).toEqual([])
    await expectHeard()
  })

  test('a token that is signed in another way than Bot Connector signs is 401', async () => {
    const headers = { authorization: await door.teams.authorization(door.teams.serviceUrl, 'RS512') }
    expect(await door.post(activity(), headers)).toMatchObject({ status: 401 })
    expect(door.passed).toEqual([])
  })

  test('without a token a body is not looked at', async () => {
    const answer = await door.post('{"type":')
    expect(answer).toMatchObject({ status: 401, headers: { connection: 'close' } })
  })

  test('a token for one service URL says nothing of an activity from another', async () => {
    expect(await door.post(activity({ serviceUrl: 'https://smba.example/teams/' }), known)).toMatchObject({
      status: 401,
    })
    expect(await door.post(activity({ serviceUrl: undefined }), known)).toMatchObject({ status: 401 })
    expect(door.passed).toEqual([])
  })

  test.each([['https://smba.example/teams/'], ['http://127.0.0.1.example/teams/'], ['no URL']])(
    'a good token from where our Teams is not: %s',
    async (serviceUrl) => {
      const headers = { authorization: await door.teams.authorization(serviceUrl) }
      const refusal = { status: 403, body: '{"error":"Only our own Teams is heard here."}' }
      expect(await door.post(activity({ serviceUrl }), headers)).toMatchObject(refusal)
      expect(door.passed).toEqual([])
    },
  )

  test('a service URL is compared with its path, and not by how it begins', async () => {
    const beside = door.teams.serviceUrl.replace('/teams/', '/teams-of-others/')
    const headers = { authorization: await door.teams.authorization(beside) }
    expect(await door.post(activity({ serviceUrl: beside }), headers)).toMatchObject({ status: 403 })
    const below = `${door.teams.serviceUrl}emea/`
    const own = { authorization: await door.teams.authorization(below) }
    expect(await door.post(activity({ serviceUrl: below }), own)).toMatchObject({ status: 200 })
  })

  const OTHER = '99999999-3b7f-4c69-8a21-6e94f0b7d312'
  test.each([
    ['another tenant', { conversation: { id: 'a:1', tenantId: OTHER } }],
    ['another tenant by the channel’s data', { channelData: { tenant: { id: OTHER } } }],
    ['no tenant', { conversation: { id: 'a:1' }, channelData: {} }],
    ['another channel', { channelId: 'webchat' }],
    ['no channel', { channelId: undefined }],
  ])('an activity of %s is refused', async (_what, changes) => {
    const before = await door.refused()
    expect(await door.post(activity(changes), known)).toMatchObject({ status: 403 })
    expect(await door.refused()).toBe(before + 1)
    expect(door.passed).toEqual([])
  })

  test('while the keys cannot be had nobody is refused and nobody is heard', async () => {
    const other = await openDoor()
    try {
      other.teams.faults.fail('keys', { kind: 'status', status: 503 }, { times: 1_000 })
      const delivered = () => other.teams.deliver(other.teams.activity('rita', 'my access'))
      expect(await delivered()).toMatchObject({ status: 503 })
      expect(other.botCalls).toEqual([])
      other.teams.faults.heal()
      later(2_001)
      expect(await delivered()).toMatchObject({ status: 200 })
    } finally {
      await other.stop()
    }
  })
})

describe('while only the SDK cannot get the keys', () => {
  test('nobody is heard, it is no refusal, and what is wrong stands in the log and not beside it', async () => {
    const other = await openDoor()
    try {
      const foreign = { ...other.teams.activity('rita', 'hello'), channelId: 'webchat' }
      // The route has loaded the keys by now.
      expect(await other.teams.deliver(foreign)).toMatchObject({ status: 403 })
      other.teams.faults.fail('keys', { kind: 'status', status: 503 }, { times: 1_000 })
      const refused = await other.refused()
      expect(await other.teams.deliver(other.teams.activity('rita', 'my access'))).toMatchObject({
        status: 500,
        body: { error: 'Something went wrong here.' },
      })
      expect(await other.refused()).toBe(refused)
      expect(other.lines.filter((line) => line.includes('Failed to load openID config: 503'))).toHaveLength(1)
      expect(other.botCalls).toEqual([])
      other.teams.faults.heal()
      expect(await other.teams.deliver(other.teams.activity('rita', 'my access'))).toMatchObject({ status: 200 })
    } finally {
      await other.stop()
    }
  })
})

describe('invariant 13: while the keys fail, any number of strangers makes us ask for them once', () => {
  test.each([
    ['that are an error', { kind: 'status', status: 500 }],
    ['that do not come', { kind: 'down' }],
  ] as const)('%s', async (_, fault) => {
    const other = await openDoor()
    try {
      other.teams.faults.fail('keys', fault, { times: 1_000 })
      const headers = { authorization: await other.teams.authorization() }
      const stranger = () => other.post(other.teams.activity('rita', 'hello'), headers)
      const atOnce = await Promise.all(Array.from({ length: 25 }, stranger))
      const after = []
      for (let round = 0; round < 25; round += 1) after.push(await stranger())
      expect(new Set([...atOnce, ...after].map(({ status }) => status))).toEqual(new Set([503]))
      expect(other.teams.faults.struck('keys')).toBe(1)
      later(2_001)
      expect(await stranger()).toMatchObject({ status: 503 })
      expect(other.teams.faults.struck('keys')).toBe(2)
    } finally {
      await other.stop()
    }
  })
})

describe('what is no activity', () => {
  test.each([
    ['{"type":'],
    ['[]'],
    ['null'],
    ['"message"'],
    ['{}'],
    ['{"type":""}'],
    ['{"type":7}'],
    ['{"type":"message","conversation":"a:1"}'],
    ['{"type":"message","__proto__":{"a":1}}'],
    [''],
  ])('%s is 400, and nothing breaks', async (payload) => {
    const answer = await door.post(payload, known)
    expect(answer).toMatchObject({ status: 400, body: '{"error":"This is not an activity of Teams."}' })
    await expectHeard()
  })

  test('more than 256 KB is 413, and what is not JSON by its type is 415', async () => {
    expect(await door.post(activity({ text: 'x'.repeat(262_144) }), known)).toMatchObject({ status: 413 })
    expect(await door.post(activity(), { ...known, 'content-type': 'text/plain' })).toMatchObject({ status: 415 })
    await expectHeard()
  })
})

describe('the self-test before listening', () => {
  const strange = strangeKey()
  const facts = () => ({ issuer: CONNECTOR_ISSUER, audience: door.teams.appId, serviceUrl: door.teams.serviceUrl })

  test('sees each kind of forged token refused, and no token at all', async () => {
    const statuses = await tryForgedActivities(door.app, facts(), strange)
    expect(Object.fromEntries(statuses)).toEqual({ unsigned: 401, HS256: 401, 'self-signed': 401, no: 401 })
  })

  test('sees a door that is open', async () => {
    const open = httpServer({ log: pino({ level: 'silent' }), publicUrl: 'http://127.0.0.1:3978' })
    open.post('/api/messages', async () => ({}))
    const statuses = [...(await tryForgedActivities(open, facts(), strange)).values()]
    await open.close()
    expect(statuses).toEqual([200, 200, 200, 200])
  })
})
