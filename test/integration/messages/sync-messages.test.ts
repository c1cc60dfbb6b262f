import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { wordsOf } from '../../../sandbox/demo/rooms.ts'
import { MAIL_SENDER, PEOPLE } from '../../../sandbox/entra/fixture.ts'
import { type SandboxTeams, startTeams } from '../../../sandbox/teams/index.ts'
import { cancelRequest } from '../../../src/access-requests/cancel-request.ts'
import { reviewAccessRequest } from '../../../src/access-requests/review/review-access-request.ts'
import { graphMailer } from '../../../src/graph/mailer.ts'
import { type Message, readMessages } from '../../../src/messages/message.ts'
import { redisBudget } from '../../../src/redis/budget.ts'
import type { Connection } from '../../../src/redis/connections.ts'
import { redisWriteSummaries } from '../../../src/redis/write-summaries.ts'
import { teamsMessageSender } from '../../../src/teams/teams-message-sender.ts'
import { forgetDue, type SyncDeps, syncMessages } from '../../../workers/sync-messages.ts'
import { settingsOf } from '../../fixtures/teams.ts'
import { openUseCases, type UseCases } from '../../fixtures/use-cases.ts'

/** How one round updates the messages of a request: against the sandbox's Teams and Graph, on a real Redis. */

let useCases: UseCases
let teams: SandboxTeams
let redis: Connection
let deps: SyncDeps
let asked: string[] = []

beforeAll(async () => {
  useCases = await openUseCases('sync')
  const { fixture, record, entra } = useCases
  teams = await startTeams({ tenantId: entra.tenantId })
  for (const person of ['rita', 'max'] as const) await teams.install(person)
  redis = await fixture.open('request')
  const { prefix, log } = fixture
  deps = {
    record,
    writeSummaries: redisWriteSummaries(redis, { prefix }),
    channel: teamsMessageSender({ settings: settingsOf(teams), tenantId: entra.tenantId, log }),
    mailer: graphMailer({ ...entra, sender: MAIL_SENDER, log }),
    budget: redisBudget(redis, { prefix }),
    directory: useCases.deps.directory,
    approvalKey: useCases.deps.approvalKey,
    publicUrl: 'https://latchkey.example',
    log,
  }
})
afterEach(async () => {
  teams.faults.heal()
  for (const id of asked) await cancelRequest(deps, useCases.as('rita'), id).catch(onlyIfPending)
  asked = []
})
afterAll(async () => {
  await teams?.stop()
  await useCases?.close()
})

function onlyIfPending(error: unknown): void {
  if (!String(error).includes('already')) throw error
}

async function ask(): Promise<string> {
  const { id } = await useCases.ask()
  asked.push(id)
  return id
}

/** Runs rounds until nothing is due, as the queue does. */
async function sync(requestId: string): Promise<void> {
  for (;;) {
    const { againAt } = await syncMessages(deps, requestId)
    if (againAt === undefined) return
    while ((await useCases.record.now()) < againAt) await delay(20)
  }
}

const cards = (person: 'rita' | 'max', requestId: string) =>
  teams.conversation(person).filter(({ card }) => JSON.stringify(card ?? {}).includes(requestId))

async function messageOf(requestId: string, reader: string, channel: string, shows = 'request') {
  const stored = await useCases.record.read('request', requestId)
  const ids = JSON.stringify(stored?.value).match(/c-[0-9a-z]{12}/g) ?? []
  const copies = await readMessages(useCases.record, ids)
  const found = copies.find(
    ({ message }) => message.reader === reader && message.shows === shows && isIn(message, channel),
  )
  if (found === undefined) throw new Error('There is no such copy.')
  return found
}

function isIn({ place }: Message, channel: string): boolean {
  return channel === 'mail' ? place.channel === 'mail' : place.channel !== 'mail'
}

async function change(requestId: string, changes: Partial<Message>): Promise<void> {
  const { message } = await messageOf(requestId, PEOPLE.max, 'teams')
  await redis.hset(`${useCases.fixture.prefix}:copy:${message.id}`, 'json', JSON.stringify({ ...message, ...changes }))
}

const dueAt = async (requestId: string) => redis.zscore(`${useCases.fixture.prefix}:due:copies`, requestId)

test('a second round finds nothing to send, and then nothing is due any more', async () => {
  const id = await ask()
  await sync(id)
  const calls = () =>
    teams.journal.count(({ from, what }) => from === 'bot' && /replyToActivity|updateActivity/.test(what))
  const before = calls()
  // The request is checked once more, in case the record changed during the update.
  expect(Number(await dueAt(id))).toBeGreaterThan(await useCases.record.now())
  await sync(id)
  expect([cards('rita', id).length, cards('max', id).length, calls()]).toEqual([1, 1, before])
  expect(await dueAt(id)).toBeNull()
  expect(useCases.entra.mails(PEOPLE.max).filter(({ html }) => html.includes(id))).toHaveLength(1)
})

test('a decision edits what was sent; only the requester is told by a message of its own', async () => {
  const id = await ask()
  await sync(id)
  await reviewAccessRequest(useCases.deps, useCases.as('max'), id, { decision: 'deny', comment: 'not now' })
  await sync(id)
  expect(cards('max', id).map(({ edited }) => edited)).toEqual([true])
  expect(cards('rita', id).map(({ edited }) => edited)).toEqual([true, false])
  expect(cards('rita', id).map(wordsOf)).toEqual([
    expect.stringContaining('Denied'),
    expect.stringContaining('not now'),
  ])
})

test('what somebody else is sending is not sent again before their claim lapses', async () => {
  const id = await ask()
  await change(id, { claimedAt: new Date(await useCases.record.now()).toISOString() })
  expect(await syncMessages(deps, id)).toHaveProperty('againAt')
  expect(cards('max', id)).toEqual([])
  await change(id, { claimedAt: new Date((await useCases.record.now()) - 61_000).toISOString() })
  await sync(id)
  expect(cards('max', id)).toHaveLength(1)
})

test('a card whose answer was lost is not sent a second time while its claim lasts', async () => {
  const id = await ask()
  const conversation = teams.roster.person('max').personalChatId
  teams.faults.fail('replyToActivity', { kind: 'lose' }, { conversation })
  await syncMessages(deps, id)
  expect(await syncMessages(deps, id)).toHaveProperty('againAt')
  expect(cards('max', id)).toHaveLength(1)
  expect((await messageOf(id, PEOPLE.max, 'teams')).message).not.toHaveProperty('reference')
})

test('a mail or card that is never answered is not sent without end, and that it may be there is reported', async () => {
  const id = await ask()
  const conversation = teams.roster.person('max').personalChatId
  teams.faults.fail('replyToActivity', { kind: 'lose' }, { conversation, times: 9 })
  for (;;) {
    await syncMessages(deps, id)
    const { message } = await messageOf(id, PEOPLE.max, 'teams')
    if (message.dead !== undefined) break
    // As if the claim had expired.
    if (message.claimedAt !== undefined) await change(id, { claimedAt: new Date(0).toISOString() })
    await delay(50)
  }
  expect(cards('max', id)).toHaveLength(3)
  const reported = (await useCases.events('copy.unreachable')).filter((event) => JSON.stringify(event).includes(id))
  expect(reported).toContainEqual(
    expect.objectContaining({ reader: PEOPLE.max, reason: expect.stringContaining('sent 3 times') }),
  )
})

test('a claim of tomorrow keeps nobody out', async () => {
  const id = await ask()
  await change(id, { claimedAt: '2999-01-01T00:00:00.000Z' })
  await sync(id)
  expect(cards('max', id)).toHaveLength(1)
})

test('mail goes where the directory says, whatever somebody writes into the record', async () => {
  const id = await ask()
  const { message } = await messageOf(id, PEOPLE.max, 'mail')
  const forged = { ...message, place: { channel: 'mail', address: 'eve@stranger.example' } }
  await redis.hset(`${useCases.fixture.prefix}:copy:${message.id}`, 'json', JSON.stringify(forged))
  await sync(id)
  const sent = useCases.entra.elsewhere.map(({ to }) => to.join())
  expect(sent).not.toContain('eve@stranger.example')
})

test('what was not asked is neither shown nor mailed, and the alarm is raised', async () => {
  const id = await ask()
  const stored = await useCases.record.read('request', id)
  const forged = { ...Object(stored?.value), reason: 'call +1 555 0100' }
  await redis.hset(`${useCases.fixture.prefix}:request:${id}`, 'json', JSON.stringify(forged))
  await sync(id)
  expect([cards('rita', id).length, cards('max', id).length]).toEqual([0, 0])
  expect((await useCases.events('alarm.ask-does-not-add-up')).at(-1)).toMatchObject({ requestId: id })
  expect(await dueAt(id)).toBeNull()
})

test('what cannot be read is put off, and what is no id of ours is forgotten', async () => {
  const id = await ask()
  await redis.hset(`${useCases.fixture.prefix}:request:${id}`, 'json', '{}')
  await syncMessages(deps, id)
  expect(Number(await dueAt(id))).toBeGreaterThan((await useCases.record.now()) + 600_000)
  asked = asked.filter((one) => one !== id)
  await redis.zadd(`${useCases.fixture.prefix}:due:copies`, 0, 'no:id')
  await forgetDue(useCases.record, 'no:id')
  expect(await dueAt('no:id')).toBeNull()
})

test('what Teams turned away is sent as soon as it says, and nobody waits for a claim to lapse', async () => {
  const id = await ask()
  const busy = { kind: 'status', status: 429, retryAfterSeconds: 1 } as const
  teams.faults.fail('replyToActivity', busy, { times: 4 })
  await sync(id)
  expect([cards('rita', id).length, cards('max', id).length]).toEqual([1, 1])
})

test('a place that is gone is reported once, and keeps nobody else from theirs', async () => {
  const id = await ask()
  const elsewhere = { v: 1, serviceUrl: 'https://elsewhere.example/', conversationId: 'a:1', tenantId: 't' } as const
  const conversation = { ...elsewhere, conversationType: 'personal' } as const
  await change(id, { place: { channel: 'teams', conversation } })
  await sync(id)
  await sync(id)
  expect(cards('rita', id)).toHaveLength(1)
  const reported = (await useCases.events('copy.unreachable')).filter((event) => JSON.stringify(event).includes(id))
  expect(reported.filter((event) => 'reader' in event && event.reader === PEOPLE.max)).toHaveLength(1)
})

test('what was decided before anybody saw it is not sent to approvers any more', async () => {
  const id = await ask()
  await cancelRequest(deps, useCases.as('rita'), id)
  const mails = useCases.entra.mails(PEOPLE.max).length
  await sync(id)
  expect([cards('rita', id).length, cards('max', id).length]).toEqual([1, 0])
  expect(useCases.entra.mails(PEOPLE.max)).toHaveLength(mails)
})
