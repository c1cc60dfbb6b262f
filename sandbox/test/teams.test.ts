import { TeamsInfo, type TurnContext } from 'botbuilder'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { PEOPLE } from '../entra/fixture.ts'
import { textOf } from '../teams/cards.ts'
import { cardMessage, type EchoBot, startEchoBot } from '../teams/echo-bot.ts'
import { type Card, type SandboxTeams, startTeams } from '../teams/index.ts'
import { createLimits } from '../teams/limits.ts'
import { markdownHtml } from '../teams/page/markdown.ts'
import { WRONG_BOT_TOKENS } from '../teams/wrong-tokens.ts'

/** The sandbox's Teams must do what Teams does and refuse what Teams refuses. Tested with Microsoft's SDK. */

/** The clock stands still, so that limits and ages do not depend on this machine's speed. */
let nowMs = Date.now()
const clock = {
  now: () => nowMs,
  advance(ms: number) {
    nowMs += ms
  },
}
let teams: SandboxTeams
let bot: EchoBot
/** What the bot does with an activity. Each test sets its own. */
let logic: (context: TurnContext) => Promise<void>

async function echo(context: TurnContext): Promise<void> {
  if (context.activity.type === 'message') await context.sendActivity(`You said: ${context.activity.text}`)
}

beforeAll(async () => {
  teams = await startTeams({ clock, invokeTimeoutMs: 400 })
  bot = await startEchoBot(teams, (context) => logic(context))
})
afterAll(async () => {
  await teams.settled()
  await bot.stop()
  await teams.stop()
})
afterEach(() => {
  logic = echo
  teams.faults.heal()
  for (const name of ['rita', 'max', 'finn'] as const) teams.close(name)
  // One test's calls must not count in the next one's limits.
  clock.advance(3_600_000)
})
logic = echo

/** The approval card of these tests. */
function card(text: string, rest: object = {}): Card {
  return {
    type: 'AdaptiveCard',
    version: '1.5',
    body: [
      { type: 'TextBlock', text, wrap: true },
      { type: 'Input.Text', id: 'comment', label: 'Comment', maxLength: 20 },
    ],
    actions: [
      { type: 'Action.Execute', title: 'Approve', verb: 'approve', data: { requestId: 'r-1' } },
      { type: 'Action.Execute', title: 'Deny', verb: 'deny', data: { requestId: 'r-1' }, associatedInputs: 'none' },
      { type: 'Action.Submit', title: 'Old client', data: { requestId: 'r-1' } },
    ],
    ...rest,
  }
}

function refreshing(text: string, userIds?: readonly string[]): Card {
  const action = { type: 'Action.Execute', verb: 'view', data: { requestId: 'r-1' } }
  return card(text, { refresh: { action, ...(userIds && { userIds }) } })
}

async function answerInvoke(context: TurnContext, body: object, status = 200): Promise<void> {
  await context.sendActivity({ type: 'invokeResponse', value: { status, body } })
}

function cardAnswer(value: Card): object {
  return { statusCode: 200, type: 'application/vnd.microsoft.card.adaptive', value }
}

/** Installs the app, sends a card to the person's chat, and returns the message's id. */
async function sendCard(who: 'rita' | 'max' | 'finn', content: Card): Promise<string> {
  await teams.install(who)
  const sent = await bot.within(teams.roster.person(who).personalChatId, (context) =>
    context.sendActivity(cardMessage(content)),
  )
  return sent?.id ?? ''
}

function last(who: 'rita' | 'max' | 'finn', where: 'personal' | 'channel' = 'personal') {
  const message = teams.conversation(who, where).at(-1)
  if (message === undefined) throw new Error(`${who} sees nothing`)
  return message
}

async function refusal(act: Promise<unknown>): Promise<{ status: unknown; code: unknown }> {
  const error: unknown = await act.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  const has = typeof error === 'object' && error !== null
  return {
    status: has && 'statusCode' in error ? error.statusCode : undefined,
    code: has && 'code' in error ? error.code : undefined,
  }
}

function directSend(who: 'rita' | 'max', text: string) {
  return sendTo(teams.roster.person(who).personalChatId, text)
}

/** Sends without the SDK, which retries by itself. */
async function sendTo(conversation: string, text: string) {
  const form = {
    grant_type: 'client_credentials',
    client_id: teams.appId,
    client_secret: teams.appPassword,
    scope: 'https://api.botframework.com/.default',
  }
  const given = await fetch(teams.tokenUrl, { method: 'POST', body: new URLSearchParams(form) })
  const { access_token: token } = (await given.json()) as { access_token: string }
  const response = await fetch(`${teams.serviceUrl}v3/conversations/${encodeURIComponent(conversation)}/activities`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'message', text }),
  })
  const body = (await response.json()) as { error?: { code: string } }
  return { status: response.status, retryAfter: response.headers.get('retry-after'), code: body.error?.code }
}

describe('what the bot receives', () => {
  test('a message of a personal chat comes signed, from the person by 29: id and object id, and the answer is in the chat', async () => {
    const { status } = await teams.say('rita', 'request')
    expect(status).toBe(200)
    const activity = bot.activities.at(-1)
    expect(activity).toMatchObject({
      type: 'message',
      text: 'request',
      channelId: 'msteams',
      serviceUrl: teams.serviceUrl,
      from: { id: expect.stringMatching(/^29:/), aadObjectId: PEOPLE.rita, name: 'Rita Reyes' },
      recipient: { id: `28:${teams.appId}` },
      conversation: { conversationType: 'personal', tenantId: teams.tenantId, id: expect.stringMatching(/^a:/) },
    })
    expect(last('rita')).toMatchObject({ from: 'bot', text: 'You said: request' })
  })

  test('the first opening of a chat says that the app was added, once', async () => {
    await teams.open('nils', 'personal')
    await teams.open('nils', 'personal')
    const about = bot.activities.filter((turn) => turn.from?.aadObjectId === PEOPLE.nils)
    expect(about.map(({ type, action }) => [type, action])).toEqual([
      ['installationUpdate', 'add'],
      ['conversationUpdate', undefined],
    ])
  })

  test('in the channel the bot gets what mentions it, with the mention as an entity, and the thread in the conversation', async () => {
    const before = bot.activities.length
    const unheard = await teams.say('finn', 'anybody there?', { where: 'channel', mention: false })
    expect(unheard.status).toBeUndefined()
    expect(bot.activities.slice(before).filter(({ type }) => type === 'message')).toEqual([])

    const asked = await teams.say('finn', 'request', { where: 'channel' })
    expect(bot.activities.at(-1)).toMatchObject({
      text: '<at>Latchkey</at> request',
      entities: expect.arrayContaining([expect.objectContaining({ type: 'mention', text: '<at>Latchkey</at>' })]),
      conversation: { conversationType: 'channel', id: `${teams.roster.channel.id};messageid=${asked.thread}` },
    })
    expect(last('rita', 'channel')).toMatchObject({ from: 'bot', thread: asked.thread })

    const again = await teams.say('rita', 'status', { where: 'channel', ...(asked.thread && { thread: asked.thread }) })
    expect(again.thread).toBe(asked.thread)
  })

  test.each(WRONG_BOT_TOKENS)('a token that is wrong (%s) starts no turn', async (wrong) => {
    const before = bot.activities.length
    const { status } = await teams.deliver(teams.activity('rita', 'request'), wrong)
    // The SDK answers 500 for a refused algorithm, which a bot without a check of its own passes on.
    expect(status).toBeGreaterThanOrEqual(401)
    expect(bot.activities.length).toBe(before)
  })
})

describe('the token of the bot', () => {
  async function ask(form: Record<string, string>, url = teams.tokenUrl) {
    const good = {
      grant_type: 'client_credentials',
      client_id: teams.appId,
      client_secret: teams.appPassword,
      scope: 'https://api.botframework.com/.default',
    }
    const response = await fetch(url, { method: 'POST', body: new URLSearchParams({ ...good, ...form }) })
    return { status: response.status, body: await response.text() }
  }

  test.each([
    ['the wrong secret', { client_secret: 'guess' }, 401, 'AADSTS7000215'],
    ['another app', { client_id: '11111111-2222-4333-8444-555555555555' }, 400, 'AADSTS700016'],
    ['another service', { scope: 'https://graph.microsoft.com/.default' }, 400, 'AADSTS70011'],
    ['another grant', { grant_type: 'password' }, 400, 'AADSTS70003'],
  ])('is not given for %s', async (_, form, status, code) => {
    expect(await ask(form)).toMatchObject({ status, body: expect.stringContaining(code) })
  })

  test('is not given in another tenant', async () => {
    expect(await ask({}, `${teams.loginUrl}/common/oauth2/v2.0/token`)).toMatchObject({ status: 400 })
  })

  test('is demanded by every operation', async () => {
    const url = `${teams.serviceUrl}v3/conversations/${teams.roster.channel.id}/pagedmembers`
    for (const authorization of [undefined, 'Bearer x', `Bearer ${'a'.repeat(40)}`]) {
      const response = await fetch(url, { headers: authorization === undefined ? {} : { authorization } })
      expect(response.status).toBe(401)
    }
  })

  test('is refused once it has expired', async () => {
    const other = await startTeams()
    const echoing = await startEchoBot(other, echo)
    await other.say('rita', 'one')
    expect(other.conversation('rita').map(({ text }) => text)).toContain('You said: one')
    other.expireBotTokens()
    await other.say('rita', 'two')
    expect(other.journal.entries().at(-2)).toMatchObject({ what: 'replyToActivity', status: 401 })
    await echoing.stop()
    await other.stop()
  })
})

describe('messages of the bot', () => {
  test('a chat is opened by 29: id and by Entra object id where the app is installed, and refused where it is not', async () => {
    await teams.install('dana')
    const dana = teams.roster.person('dana')
    for (const id of [dana.id, dana.objectId]) {
      expect(await bot.create({ members: [{ id }], tenantId: teams.tenantId })).toBe(dana.personalChatId)
    }
    const oona = teams.roster.person('oona')
    expect(await refusal(bot.create({ members: [{ id: oona.objectId }], tenantId: teams.tenantId }))).toEqual({
      status: 403,
      code: 'BotNotInConversationRoster',
    })
    expect(await refusal(bot.create({ members: [{ id: dana.id }], tenantId: 'elsewhere' }))).toMatchObject({
      status: 400,
    })
    expect(await refusal(bot.create({ members: [{ id: '29:nobody' }], tenantId: teams.tenantId }))).toMatchObject({
      status: 400,
    })
  })

  test('a new thread starts in the channel', async () => {
    const id = await bot.create({
      isGroup: true,
      channelData: { channel: { id: teams.roster.channel.id } },
      activity: { type: 'message', text: 'A thread of my own' },
    })
    expect(id).toMatch(/^19:.*;messageid=\d+$/)
    await bot.within(id, (context) => context.sendActivity('and its second message'))
    const root = id.split('=')[1]
    expect(teams.conversation('max', 'channel').filter(({ thread }) => thread === root)).toHaveLength(2)
  })

  test('is edited and deleted in place; what is not there is not found', async () => {
    const id = await sendCard('max', card('Before'))
    const chat = teams.roster.person('max').personalChatId
    await bot.within(chat, (context) => context.updateActivity({ ...cardMessage(card('After')), id }))
    expect(textOf(last('max').card ?? {})).toContain('After')
    expect(last('max').edited).toBe(true)
    expect(
      await refusal(bot.within(chat, (context) => context.updateActivity({ text: 'x', type: 'message', id: '1' }))),
    ).toEqual({
      status: 404,
      code: 'ActivityNotFoundInConversation',
    })
    await bot.within(chat, (context) => context.deleteActivity(id))
    expect(last('max')).toMatchObject({ deleted: true, card: undefined })
    expect(await refusal(bot.within('a:nobody', (context) => context.sendActivity('hello')))).toEqual({
      status: 404,
      code: 'ConversationNotFound',
    })
  })

  test('a message of somebody else is not the bot’s to change', async () => {
    const { id } = await teams.say('max', 'mine')
    const chat = teams.roster.person('max').personalChatId
    expect(await refusal(bot.within(chat, (context) => context.deleteActivity(id)))).toMatchObject({ status: 403 })
  })

  test('are refused where the app was removed or blocked, and taken again when it is back', async () => {
    await teams.install('kai')
    const send = () => bot.within(teams.roster.person('kai').personalChatId, (context) => context.sendActivity('hello'))
    await teams.uninstall('kai')
    expect(bot.activities.at(-1)).toMatchObject({ type: 'installationUpdate', action: 'remove' })
    expect(await refusal(send())).toEqual({ status: 403, code: 'BotNotInConversationRoster' })
    await expect(teams.say('kai', 'hello')).rejects.toThrow('removed')
    await teams.install('kai')
    teams.block('kai')
    expect(await refusal(send())).toEqual({ status: 403, code: 'ConversationBlockedByUser' })
    teams.unblock('kai')
    expect((await send())?.id).toMatch(/^\d+$/)
  })

  test('text and card in one activity become two messages without an id', async () => {
    await teams.install('selma')
    const before = teams.conversation('selma').length
    const sent = await bot.within(teams.roster.person('selma').personalChatId, (context) =>
      context.sendActivity({ ...cardMessage(card('Card')), text: 'Text' }),
    )
    expect(sent?.id ?? '').toBe('')
    const added = teams.conversation('selma').slice(before)
    expect(added.map((one) => [one.text, one.card === undefined])).toEqual([
      ['Text', true],
      ['', false],
    ])
  })

  test('are too big above 100 KB, counted as UTF-16', async () => {
    await teams.install('max')
    const chat = teams.roster.person('max').personalChatId
    const send = (characters: number) => bot.within(chat, (context) => context.sendActivity('x'.repeat(characters)))
    expect((await send(49_000))?.id).toMatch(/^\d+$/)
    expect(await refusal(send(52_000))).toEqual({ status: 413, code: 'MessageSizeTooBig' })
  })

  test('a card newer than Teams shows, and an attachment that is no card, are refused', async () => {
    expect(await refusal(sendCard('max', card('New', { version: '1.6' })))).toMatchObject({ status: 400 })
  })

  test('members are told page by page, one by 29: id or object id, and the team with its channels', async () => {
    const { channel, team } = teams.roster
    const rita = teams.roster.person('rita')
    await bot.within(channel.id, async (context) => {
      context.activity.channelData = { team: { id: team.id }, channel: { id: channel.id } }
      const first = await TeamsInfo.getPagedMembers(context, 10)
      const second = await TeamsInfo.getPagedMembers(context, 10, first.continuationToken)
      expect(first.members).toHaveLength(10)
      expect([...first.members, ...second.members].map(({ aadObjectId }) => aadObjectId)).toContain(PEOPLE.rita)
      expect(second.continuationToken).toBeUndefined()
      for (const id of [rita.id, rita.objectId]) {
        expect(await TeamsInfo.getMember(context, id)).toMatchObject({ name: 'Rita Reyes', aadObjectId: PEOPLE.rita })
      }
      expect(await refusal(TeamsInfo.getMember(context, '29:nobody'))).toMatchObject({
        status: 404,
        code: 'MemberNotFoundInConversation',
      })
      expect(await TeamsInfo.getTeamDetails(context)).toMatchObject({ id: team.id, name: team.name })
      expect((await TeamsInfo.getTeamChannels(context)).map(({ name }) => name)).toContain('Finance')
    })
  })
})

describe('the limits', () => {
  test('seven sends to a conversation in a second pass, the eighth is told to wait, other conversations are free', async () => {
    await teams.install('rita')
    await teams.install('max')
    for (let n = 1; n <= 7; n += 1) expect((await directSend('rita', `${n}`)).status).toBe(201)
    expect(await directSend('rita', '8')).toMatchObject({ status: 429, code: 'Throttled', retryAfter: '1' })
    expect((await directSend('max', '1')).status).toBe(201)
    clock.advance(1_000)
    expect((await directSend('rita', '8')).status).toBe(201)
  })

  test('the threads of a channel share its limits', async () => {
    const first = await teams.say('finn', 'one', { where: 'channel', mention: false })
    const second = await teams.say('finn', 'two', { where: 'channel', mention: false })
    const { id } = teams.roster.channel
    for (let n = 1; n <= 7; n += 1) await sendTo(`${id};messageid=${n % 2 ? first.thread : second.thread}`, `${n}`)
    expect((await sendTo(`${id};messageid=${first.thread}`, '8')).status).toBe(429)
  })

  test.each([
    [0, 7],
    [200, 8],
    [400, 60],
    [1_000, 1_800],
  ])('one send every %i ms is refused after %i', (everyMs, passes) => {
    let now = 0
    const limits = createLimits(() => now)
    const spend = () => {
      limits.spend('send', 'a chat')
      now += everyMs
    }
    for (let n = 0; n < passes; n += 1) spend()
    expect(spend).toThrow('Too many requests.')
  })

  test('one send every two seconds is never refused', () => {
    let now = 0
    const limits = createLimits(() => now)
    for (let n = 0; n < 4_000; n += 1) {
      limits.spend('send', 'a chat')
      now += 2_000
    }
  })

  test('two operations on one conversation at once: the second is refused with 412', async () => {
    await teams.install('max')
    let release = () => {}
    teams.faults.fail('sendToConversation', {
      kind: 'hold',
      until: new Promise<void>((resolve) => {
        release = resolve
      }),
    })
    const first = directSend('max', 'held')
    await teams.waitFor(() => teams.conversation('max').some(({ text }) => text === 'held'))
    const second = await directSend('max', 'second')
    expect(second).toMatchObject({ status: 412, code: 'PreconditionFailed' })
    release()
    expect((await first).status).toBe(201)
    expect((await directSend('max', 'third')).status).toBe(201)
  })

  test('an injected fault is met once: refused, lost after it was done, or broken before', async () => {
    await teams.install('max')
    teams.faults.fail('sendToConversation', { kind: 'status', status: 429, retryAfterSeconds: 7 })
    expect(await directSend('max', 'late')).toMatchObject({ status: 429, retryAfter: '7' })
    teams.faults.fail('sendToConversation', { kind: 'lose' })
    await expect(directSend('max', 'lost')).rejects.toThrow()
    expect(last('max').text).toBe('lost')
    teams.faults.fail('sendToConversation', { kind: 'down' })
    await expect(directSend('max', 'never')).rejects.toThrow()
    expect(last('max').text).toBe('lost')
    expect((await directSend('max', 'again')).status).toBe(201)
    expect(teams.faults.struck('sendToConversation')).toBe(4)
  })
})

describe('a click on a card', () => {
  test('comes as an invoke by verb with the inputs merged into the data, and the answer replaces the card for that person only', async () => {
    logic = (context) => answerInvoke(context, cardAnswer({ ...card('Approved by you'), actions: [] }))
    const id = await sendCard('max', card('Please decide'))
    const outcome = await teams.click('max', id, 'Approve', { comment: 'fine' })
    expect(outcome).toMatchObject({ kind: 'card', attempts: 1 })
    expect(bot.activities.at(-1)).toMatchObject({
      type: 'invoke',
      name: 'adaptiveCard/action',
      replyToId: id,
      from: { aadObjectId: PEOPLE.max },
      value: {
        action: { type: 'Action.Execute', verb: 'approve', data: { requestId: 'r-1', comment: 'fine' } },
        trigger: 'manual',
      },
    })
    expect(textOf(last('max').card ?? {})).toContain('Approved by you')
  })

  test('in the channel leaves the others’ view as it was', async () => {
    const { thread = '' } = await teams.say('rita', 'hello', { where: 'channel' })
    const sent = await bot.within(`${teams.roster.channel.id};messageid=${thread}`, (context) =>
      context.sendActivity(cardMessage(card('For all'))),
    )
    logic = (context) => answerInvoke(context, cardAnswer(card('For Max')))
    await teams.click('max', sent?.id ?? '', 'approve')
    expect(textOf(last('max', 'channel').card ?? {})).toContain('For Max')
    expect(textOf(last('rita', 'channel').card ?? {})).toContain('For all')
  })

  test('a message answer stands under the card, an error in the red bar, and an HTTP error shows nothing', async () => {
    const id = await sendCard('max', card('Please decide'))
    logic = (context) =>
      answerInvoke(context, { statusCode: 200, type: 'application/vnd.microsoft.activity.message', value: 'Noted' })
    expect(await teams.click('max', id, 'approve')).toMatchObject({ kind: 'message', text: 'Noted' })
    expect(last('max').note).toBe('Noted')

    const value = { code: 'ALREADY_DECIDED', message: 'Dana decided.' }
    logic = (context) => answerInvoke(context, { statusCode: 400, type: 'application/vnd.microsoft.error', value })
    expect(await teams.click('max', id, 'approve')).toMatchObject({ kind: 'error', ...value })
    expect(last('max')).toMatchObject({ error: 'Dana decided.', note: undefined })

    logic = (context) => answerInvoke(context, { statusCode: 400, type: 'application/vnd.microsoft.error', value }, 400)
    const shown = last('max')
    expect(await teams.click('max', id, 'approve')).toMatchObject({ kind: 'nothing', status: 400, attempts: 1 })
    expect(last('max')).toEqual(shown)
  })

  test('what breaks the card’s own rules never leaves the client', async () => {
    const id = await sendCard('max', card('Please decide'))
    const before = bot.activities.length
    expect(await teams.click('max', id, 'approve', { comment: 'x'.repeat(21) })).toEqual({
      kind: 'invalid',
      inputs: ['comment'],
      attempts: 0,
    })
    await expect(teams.click('max', id, 'approve', { other: 'x' })).rejects.toThrow('no input other')
    await expect(teams.click('max', id, 'revoke')).rejects.toThrow('no button revoke')
    await expect(teams.click('rita', id, 'approve')).rejects.toThrow('sees no message')
    expect(bot.activities.length).toBe(before)
  })

  test('a changed client may send any verb and data', async () => {
    logic = (context) => answerInvoke(context, cardAnswer(card('Whatever')))
    const id = await sendCard('max', card('Please decide'))
    await teams.invoke('max', id, { verb: 'approve', data: { requestId: 'r-of-somebody-else' } })
    expect(bot.activities.at(-1)?.value).toMatchObject({ action: { data: { requestId: 'r-of-somebody-else' } } })
  })

  test('Action.Submit comes as a message with a value', async () => {
    logic = async () => {}
    const id = await sendCard('max', card('Please decide'))
    expect(await teams.click('max', id, 'Old client', { comment: 'ok' })).toMatchObject({ kind: 'submitted' })
    expect(bot.activities.at(-1)).toMatchObject({
      type: 'message',
      replyToId: id,
      value: { requestId: 'r-1', comment: 'ok' },
    })
    expect(bot.activities.at(-1)?.text ?? '').toBe('')
  })

  test('that is not answered in time comes three times, the same invoke, before the client gives up', async () => {
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    logic = () => held
    const id = await sendCardQuietly()
    const before = bot.activities.length
    expect(await teams.click('max', id, 'approve')).toEqual({ kind: 'unreachable', attempts: 3 })
    const invokes = bot.activities.slice(before)
    expect(invokes).toHaveLength(3)
    expect(new Set(invokes.map((turn) => turn.id)).size).toBe(1)
    expect(last('max').error).toMatch(/Unable to reach/)
    const calls = teams.journal.entries().filter(({ verb }) => verb === 'approve')
    expect(calls.slice(-3).map(({ attempt, status }) => [attempt, status])).toEqual([
      [1, 'timed out'],
      [2, 'timed out'],
      [3, 'timed out'],
    ])
    release()
  })

  async function sendCardQuietly(): Promise<string> {
    const before = logic
    logic = echo
    const id = await sendCard('max', card('Please decide'))
    logic = before
    return id
  }
})

describe('refresh', () => {
  const refreshes = () => teams.journal.count(({ trigger }) => trigger === 'automatic')

  test('is asked for on its own by who is listed, when the card is shown, and not again within a minute', async () => {
    logic = (context) =>
      context.activity.type === 'invoke'
        ? answerInvoke(context, cardAnswer(refreshing('Yours', [context.activity.from.id])))
        : Promise.resolve()
    const max = teams.roster.person('max')
    const { thread = '' } = await teams.say('rita', 'hello', { where: 'channel' })
    await bot.within(`${teams.roster.channel.id};messageid=${thread}`, (context) =>
      context.sendActivity(cardMessage(refreshing('Base', [max.id]))),
    )
    const before = refreshes()
    await teams.open('rita', 'channel')
    expect(refreshes()).toBe(before)
    await teams.open('max', 'channel')
    expect(refreshes()).toBe(before + 1)
    expect(bot.activities.at(-1)?.value).toMatchObject({ trigger: 'automatic', action: { verb: 'view' } })
    expect(textOf(last('max', 'channel').card ?? {})).toContain('Yours')
    expect(textOf(last('rita', 'channel').card ?? {})).toContain('Base')

    await teams.open('max', 'channel')
    expect(refreshes()).toBe(before + 1)
    clock.advance(61_000)
    await teams.open('max', 'channel')
    expect(refreshes()).toBe(before + 2)
  })

  test('comes again after an edit of the base card, for who is looking', async () => {
    logic = (context) =>
      context.activity.type === 'invoke' ? answerInvoke(context, cardAnswer(card('Your view'))) : Promise.resolve()
    const id = await sendCard('max', refreshing('Base'))
    await teams.open('max', 'personal')
    const before = refreshes()
    await bot.within(teams.roster.person('max').personalChatId, (context) =>
      context.updateActivity({ ...cardMessage(refreshing('New base')), id }),
    )
    await teams.waitFor(() => refreshes() === before + 1)
    await teams.waitFor(() => textOf(last('max').card ?? {}).includes('Your view'))
  })

  test('an empty list never refreshes, and a longer one than sixty is cut', async () => {
    const max = teams.roster.person('max')
    await sendCard('max', refreshing('Nobody', []))
    await sendCard('max', refreshing('Too many', [...Array.from({ length: 60 }, (_, n) => `29:${n}`), max.id]))
    const before = refreshes()
    const others = teams.conversation('max').filter(({ card: one }) => one !== undefined && 'refresh' in one).length
    expect(others).toBeGreaterThanOrEqual(2)
    teams.close('max')
    logic = (context) => answerInvoke(context, cardAnswer(card('Refreshed')))
    await teams.open('max', 'personal')
    const asked = teams.journal
      .entries()
      .filter(({ trigger }) => trigger === 'automatic')
      .slice(before)
    const ids = teams
      .conversation('max')
      .slice(-2)
      .map(({ id }) => id)
    expect(asked.filter(({ activityId }) => ids.includes(activityId ?? ''))).toEqual([])
  })
})

describe('the page', () => {
  test('runs no script but its own, and takes acts only as its own script sends them', async () => {
    const page = await fetch(teams.pageUrl('rita', 'max'))
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'")
    const html = await page.text()
    expect(html).toContain('Sandbox: not Microsoft')
    expect(html).not.toMatch(/ on[a-z]+=|<script(?! src)/)
    const before = bot.activities.length
    const say = (type: string, body: string) =>
      fetch(`${teams.pageUrl()}people/rita/say`, { method: 'POST', headers: { 'content-type': type }, body })
    const body = JSON.stringify({ text: 'hello', where: 'personal' })
    expect((await say('text/plain', body)).status).toBe(404)
    expect(bot.activities.length).toBe(before)
    expect((await say('application/json', body)).status).toBe(200)
    expect(bot.activities.at(-1)).toMatchObject({ text: 'hello', from: { aadObjectId: PEOPLE.rita } })
  })
})

describe('markdown in cards', () => {
  test.each([
    ['**bold** and *italic*', '<p><strong>bold</strong> and <em>italic</em></p>'],
    ['- a\n- b', '<ul><li>a</li><li>b</li></ul>'],
    ['1. a\n2. b', '<ol><li>a</li><li>b</li></ol>'],
    ['[x](https://a.example/)', '<p><a href="https://a.example/" target="_blank" rel="noopener noreferrer">x</a></p>'],
    ['[x](javascript:alert(1))', '<p>[x](javascript:alert(1))</p>'],
    ['# No heading', '<p># No heading</p>'],
    ['<b>no html</b>', '<p>&#60;b&#62;no html&#60;/b&#62;</p>'],
    ['snake_case_name and 2 * 3 * 4', '<p>snake_case_name and 2 * 3 * 4</p>'],
  ])('%s', (text, html) => {
    expect(markdownHtml(text)).toBe(html)
  })
})
