import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { wordsOf } from '../../../sandbox/demo/rooms.ts'
import { type SandboxTeams, startTeams } from '../../../sandbox/teams/index.ts'
import { byOperator } from '../../../src/audit/events.ts'
import { checkEpoch, renewEpoch } from '../../../src/grants/recovery/epoch.ts'
import { noticeIdOf } from '../../../src/messages/security-notice.ts'
import { DENY_POLICY } from '../../../src/policies/deny-document.ts'
import { redisBudget } from '../../../src/redis/budget.ts'
import { parseRules } from '../../../src/rules/file/parse-rules.ts'
import type { RecordPort } from '../../../src/store/record-store.ts'
import { teamsMessageSender } from '../../../src/teams/teams-message-sender.ts'
import { deliverSecurityNotice, type NoticeDeps } from '../../../workers/deliver-security-notice.ts'
import { type DenyListUseCases, openDenyListUseCases } from '../../fixtures/deny-list.ts'
import {
  APP_ID,
  RECOVERY_RULES,
  RECOVERY_SEED,
  RULES_WITH_CHANNEL,
  SECURITY_CHANNEL,
} from '../../fixtures/recovery-rules.ts'
import { settingsOf } from '../../fixtures/teams.ts'

/** Invariant 6: the security channel is told when the record was lost, replaced or restored, whatever fails in between. */

const HOUR_MS = 3_600_000

const RULES = RULES_WITH_CHANNEL.replace('copies: 2', 'copies: 3')

let useCases: DenyListUseCases
let teams: SandboxTeams
let linesBefore = 0

beforeAll(async () => {
  useCases = await openDenyListUseCases('notice', { rules: RULES, seed: { ...RECOVERY_SEED, replicas: 3 } })
})
afterAll(() => useCases?.close())

/** A new installation, and a team without the app. */
beforeEach(async () => {
  teams = await startTeams({ appId: APP_ID })
  await useCases.empty()
  for (const { inline } of useCases.aws.state.roles.values()) inline.delete(DENY_POLICY, useCases.aws.clock.now())
  useCases.aws.clock.advance(60_000)
  await round()
  linesBefore = useCases.fixture.lines.length
})
afterEach(() => teams?.stop())

const week = Array.from({ length: 7 * 24 }, (_, hour) => hour * HOUR_MS)

const isInTeam = () => teams.open('dana', 'channel')
const posted = () => teams.conversation('dana', 'channel').map(wordsOf)
const dueIds = () => useCases.redis.zrangebyscore(useCases.key('due', 'notices'), '-inf', '+inf')
const errors = () => useCases.fixture.lines.slice(linesBefore).flatMap(({ level, msg }) => (level >= 50 ? [msg] : []))

function teller(afterMs = 0): NoticeDeps {
  const { fixture, deps, redis } = useCases
  const { prefix, log } = fixture
  return {
    record: useCases.recordAhead(afterMs),
    channel: teamsMessageSender({ settings: settingsOf(teams), tenantId: teams.tenantId, log }),
    budget: redisBudget(redis, { prefix }),
    approvalKey: deps.approvalKey,
    rules: deps.rules,
    log,
  }
}

/** Runs everything that is due by then, as the sweeper does. */
async function sweep(afterMs = 0, workers = 1): Promise<void> {
  const deps = teller(afterMs)
  const due = await deps.record.due('notices', await deps.record.now(), 100)
  for (const { id } of due) await Promise.all(Array.from({ length: workers }, () => deliverSecurityNotice(deps, id)))
}

/** Reconciles every role, also after one of them failed. */
async function round(changes: Partial<DenyListUseCases['deps']> = {}): Promise<void> {
  await checkEpoch({ ...useCases.deps, ...changes })
}

test('an emptied Redis is told once, though every role of it adopts', async () => {
  await isInTeam()
  expect(await dueIds()).toEqual([])
  await useCases.empty()
  await round()
  expect(await useCases.events('epoch.adopted')).toHaveLength(3)
  await sweep(0, 2)
  await round()
  await sweep()
  const [card = ''] = posted()
  expect(posted()).toHaveLength(1)
  expect(card).toContain('Redis is not the one that AWS knows')
  expect(card).toContain('arn:aws:iam::111122223333:role/latchkey/prod')
  expect(card).toMatch(/issued before \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC is refused/)
  expect(await dueIds()).toEqual([])
  expect(await useCases.events('notice.posted')).toMatchObject([{ what: 'record-replaced' }])
})

test('a recovery is told once, with the name of whoever ran it', async () => {
  await isInTeam()
  await renewEpoch(useCases.deps, byOperator('olga'))
  expect(await dueIds()).toHaveLength(1)
  await round()
  await sweep()
  await sweep(2 * HOUR_MS)
  expect(posted()).toEqual([expect.stringMatching(/latchkey recover was run.*olga/s)])
})

test('a record that was put back from an older copy is told, though it knows its epoch', async () => {
  await isInTeam()
  const copy = await useCases.snapshot()
  await useCases.empty()
  await round()
  await sweep()
  await useCases.restore(copy)
  useCases.aws.clock.advance(5_000)
  await round()
  await sweep()
  expect(posted()).toHaveLength(2)
})

test('what was found by a clock that was a year ahead is told as soon as it is right again', async () => {
  await isInTeam()
  await useCases.empty()
  await round({ record: useCases.recordAhead(52 * 7 * 24 * HOUR_MS) })
  await sweep()
  expect(posted()).toHaveLength(1)
})

test('a Deny document that was edited by hand is told, and that Redis is not to blame', async () => {
  await isInTeam()
  useCases.role.inline.put(DENY_POLICY, '{"Version":"2012-10-17","Statement":[]}', useCases.aws.clock.now())
  useCases.aws.clock.advance(60_000)
  await round()
  await round()
  await sweep()
  expect(posted()).toEqual([expect.stringContaining('A Deny document was changed in AWS')])
})

test('what was found is kept before AWS is written over: a round that dies there is told all the same', async () => {
  await isInTeam()
  await useCases.empty()
  const dies: RecordPort = {
    ...useCases.record,
    commit: async (change) => {
      if (change.audit.some(({ kind }) => kind === 'epoch.adopted')) throw new Error('killed')
      await useCases.record.commit(change)
    },
  }
  await expect(round({ record: dies })).rejects.toThrow('killed')
  await round()
  expect(await useCases.events('epoch.adopted')).toEqual([])
  await sweep()
  expect(posted()).toHaveLength(1)
})

describe('a notice waits until Teams has taken it', () => {
  beforeEach(async () => {
    await useCases.empty()
    await round()
  })

  test('without the bot in the channel it is said loudly, and posted once it was added', async () => {
    await sweep()
    expect(errors()).toEqual([expect.stringContaining('add the Latchkey app to that team')])
    expect(await dueIds()).toHaveLength(1)
    await sweep(HOUR_MS - 60_000)
    expect(errors()).toHaveLength(1)
    await isInTeam()
    await sweep(HOUR_MS + 1_000)
    expect(posted()).toHaveLength(1)
    expect(await dueIds()).toEqual([])
  })

  test('Teams that gives no answer at first gets it later, once', async () => {
    await isInTeam()
    teams.faults.fail('createConversation', { kind: 'down' })
    await sweep()
    await sweep(10_000)
    expect(posted()).toEqual([])
    await sweep(61_000)
    await sweep(10 * 60_000)
    expect(posted()).toHaveLength(1)
  })

  test('Teams that is busy says for how long, and gets it then', async () => {
    await isInTeam()
    teams.faults.fail('createConversation', { kind: 'status', status: 429, retryAfterSeconds: 30 })
    await sweep()
    await sweep(20_000)
    expect(posted()).toEqual([])
    await sweep(31_000)
    expect(posted()).toHaveLength(1)
  })

  test('one operation at a time in the channel: while another is on its way there, it waits', async () => {
    await isInTeam()
    const taken = await teller().budget.take(SECURITY_CHANNEL)
    await sweep()
    expect(posted()).toEqual([])
    expect(await dueIds()).toHaveLength(1)
    if ('giveBack' in taken) await taken.giveBack()
    await sweep(60_000)
    expect(posted()).toHaveLength(1)
  })

  test('a worker that died while it posted keeps the others waiting for its claim only', async () => {
    await isInTeam()
    const dying = { ...teller(), channel: { post: () => Promise.reject(new Error('killed')) } }
    const [id = ''] = await dueIds()
    await expect(deliverSecurityNotice(dying, id)).rejects.toThrow('killed')
    await sweep(30_000)
    expect(posted()).toEqual([])
    await sweep(61_000)
    expect(posted()).toHaveLength(1)
  })

  test('a channel that is nowhere is looked for once an hour, a week long; then the audit says that it could not be told', async () => {
    const [id = ''] = await dueIds()
    const last = week.length - 1
    // Twice, because a notice that is not due must not count as an attempt.
    for (const afterMs of [...week.slice(0, last), ...week.slice(0, last)].sort((a, b) => a - b))
      await deliverSecurityNotice({ ...teller(afterMs), rules: {} }, id)
    expect(await dueIds()).toHaveLength(1)
    expect(errors()).toHaveLength(last)
    await sweep(week.length * HOUR_MS)
    expect(await dueIds()).toEqual([])
    expect(await useCases.events('alarm.notice-undelivered')).toMatchObject([{ what: 'record-replaced' }])
    expect(errors().at(-1)).toContain('it is not tried again')
  })

  test('one look by a clock that is a year ahead gives nothing up, and keeps nobody waiting when it is right again', async () => {
    await sweep(52 * 7 * 24 * HOUR_MS)
    expect(await useCases.events('alarm.notice-undelivered')).toEqual([])
    await isInTeam()
    await sweep()
    expect(posted()).toHaveLength(1)
  })
})

describe('whoever writes into Redis says nothing in the channel', () => {
  const FORGED = 'n-0123456789ab'

  async function forge(id: string, value: object): Promise<void> {
    await useCases.redis.hset(useCases.key('notice', id), 'version', '1', 'json', JSON.stringify(value))
    await useCases.redis.zadd(useCases.key('due', 'notices'), 1, id)
  }

  test.each([
    ['one of theirs', { kind: 'epoch-renewed', id: FORGED, at: '2026-11-22T10:00:00.000Z', by: 'Click evil.example' }],
    ['of no kind of ours', { kind: 'text', id: FORGED, at: '2026-11-22T10:00:00.000Z', text: 'evil.example' }],
  ])('a notice that was forged is not posted, and the alarm is raised: %s', async (_what, notice) => {
    await isInTeam()
    await forge(FORGED, { notice, mac: 'A'.repeat(43) })
    await sweep()
    expect(posted()).toEqual([])
    expect(await dueIds()).toEqual([])
    expect(await useCases.events('alarm.notice-does-not-add-up')).toMatchObject([{ noticeId: FORGED }])
  })

  test('a true notice with other words, or under another id, is not posted', async () => {
    await isInTeam()
    await renewEpoch(useCases.deps, byOperator('olga'))
    const [id = ''] = await dueIds()
    const { value } = (await useCases.record.read('notice', id)) ?? {}
    const changed = JSON.parse(JSON.stringify(value).replace('olga', 'nobody'))
    await forge(id, changed)
    await forge(FORGED, Object(value))
    await sweep()
    expect(posted()).toEqual([])
    expect(await useCases.events('alarm.notice-does-not-add-up')).toHaveLength(2)
  })

  test('what they wrote under the id of a true one does not keep it from being written', async () => {
    await isInTeam()
    await useCases.empty()
    let forged = false
    const record: RecordPort = {
      ...useCases.record,
      read: async (kind, id) => {
        if (kind === 'notice' && !forged) {
          forged = true
          await forge(id, {})
        }
        return await useCases.record.read(kind, id)
      },
    }
    await round({ record })
    await sweep()
    expect(posted()).toHaveLength(1)
  })
})

test('a key that somebody spoilt keeps AWS from refusing nobody, and the log says it loudly', async () => {
  await useCases.empty()
  await useCases.redis.set(useCases.key('notice', noticeIdOf(await useCases.record.epoch())), 'spoilt')
  await round()
  expect(useCases.denyDocument().epoch).toBe(await useCases.record.epoch())
  expect(errors()).toContain(
    'what the security channel must be told cannot be kept in the record: tell the people who look after security',
  )
})

test('where the rules name no channel audit and log alone say it', async () => {
  const rules = parseRules(RECOVERY_RULES)
  await useCases.empty()
  await round({ rules })
  await renewEpoch({ ...useCases.deps, rules }, byOperator('olga'))
  expect(await dueIds()).toEqual([])
  expect(await useCases.redis.keys(useCases.key('notice', '*'))).toEqual([])
  expect(await useCases.events('alarm.epoch-renewed')).toHaveLength(1)
})

test('a new installation has nothing to tell', async () => {
  expect(await useCases.events('epoch.adopted')).toHaveLength(3)
  expect(await dueIds()).toEqual([])
})
