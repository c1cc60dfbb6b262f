import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { PEOPLE } from '../../../sandbox/entra/fixture.ts'
import type { Card } from '../../../sandbox/teams/index.ts'
import { conversation } from '../../../src/messages/message.ts'
import { type BotCall, openDoor, type TeamsDoor } from '../../fixtures/teams.ts'

/** Activities become interactions, and the bot's answers become replies in Teams: through the SDK, against the sandbox. */

let door: TeamsDoor

beforeAll(async () => {
  door = await openDoor()
  await door.teams.install('rita')
  door.botCalls.splice(0)
})
afterAll(() => door.stop())
afterEach(() => {
  door.teams.faults.heal()
  // One test's messages must not count in the next one's limits.
  door.teams.clock.advance(3_600_000)
  for (const list of [door.botCalls, door.lines]) list.splice(0)
  delete door.behaviour.onMessage
  delete door.behaviour.onClick
})

function card(text: string, actions: readonly object[] = []): Card {
  return { type: 'AdaptiveCard', version: '1.5', body: [{ type: 'TextBlock', text }], actions: [...actions] }
}

const APPROVE = { type: 'Action.Execute', title: 'Approve', verb: 'approve', data: { requestId: 'r-1' } }
const OLD = { type: 'Action.Submit', title: 'Old client', data: { verb: 'approve', requestId: 'r-1' } }

/** Rita writes and is answered with a card. Returns its message's id. */
async function showCard(actions: readonly object[] = [APPROVE, OLD]): Promise<string> {
  door.behaviour.onMessage = async (interaction) =>
    interaction.reply({ card: card('Decide', actions), summary: 'A request' })
  await door.teams.say('rita', 'my access')
  door.botCalls.splice(0)
  return last().id
}

function last(who: 'rita' | 'max' = 'rita', where: 'personal' | 'channel' = 'personal') {
  const message = door.teams.conversation(who, where).at(-1)
  if (message === undefined) throw new Error(`${who} sees nothing.`)
  return message
}

function only(): BotCall {
  const [botCall, ...others] = door.botCalls
  if (botCall === undefined || others.length > 0) throw new Error(`${door.botCalls.length} turns were heard.`)
  return botCall
}

describe('what is said', () => {
  test('in a personal chat it comes with who said it and where', async () => {
    await door.teams.say('rita', 'my access')
    const { interaction } = only()
    expect(door.botCalls).toMatchObject([{ kind: 'message', text: 'my access' }])
    expect(interaction.caller).toMatchObject({
      tenantId: door.teams.tenantId,
      objectId: PEOPLE.rita,
      name: 'Rita Reyes',
      roles: [],
    })
    const { id, personalChatId } = door.teams.roster.person('rita')
    expect(conversation.parse(interaction.conversation)).toEqual({
      v: 1,
      serviceUrl: door.teams.serviceUrl,
      conversationId: personalChatId,
      conversationType: 'personal',
      tenantId: door.teams.tenantId,
      userId: id,
    })
  })

  test('in a channel the mention is no part of it, and the reply stays in the thread', async () => {
    door.behaviour.onMessage = async (interaction, text) => interaction.reply(`You said: ${text}`)
    const { thread } = await door.teams.say('rita', 'request write s3://finance-reports/2026/', { where: 'channel' })
    const said = door.botCalls.filter(({ kind }) => kind === 'message')
    expect(said).toMatchObject([
      {
        text: 'request write s3://finance-reports/2026/',
        interaction: { conversation: { conversationType: 'channel' } },
      },
    ])
    expect(said[0]?.interaction.conversation.conversationId).toBe(`${door.teams.roster.channel.id};messageid=${thread}`)
    expect(last('max', 'channel')).toMatchObject({ thread, text: 'You said: request write s3://finance-reports/2026/' })
  })

  test('a reply is text, or a card with what the notification says', async () => {
    await showCard()
    expect(last()).toMatchObject({ text: '', summary: 'A request', card: card('Decide', [APPROVE, OLD]) })
  })

  test.each([[412], [429]])('a reply that Teams refuses for the moment (%s) is tried again', async (status) => {
    door.behaviour.onMessage = async (interaction) => interaction.reply(`after ${status}`)
    door.teams.faults.fail('replyToActivity', { kind: 'status', status }, { times: 2 })
    await door.teams.say('rita', 'help')
    expect(last().text).toBe(`after ${status}`)
    expect(door.lines.filter((line) => line.includes('turn failed'))).toEqual([])
  })

  test('a reply whose answer is lost is not sent twice', async () => {
    door.behaviour.onMessage = async (interaction) => interaction.reply('once only')
    door.teams.faults.fail('replyToActivity', { kind: 'lose' }, { times: 1 })
    await door.teams.say('rita', 'help')
    const texts = door.teams.conversation('rita').map(({ text }) => text)
    expect(texts.filter((text) => text === 'once only')).toHaveLength(1)
  })

  test('a token that went bad before its time is replaced', async () => {
    door.behaviour.onMessage = async (interaction) => interaction.reply('with a new token')
    door.teams.expireBotTokens()
    await door.teams.say('rita', 'help')
    expect(last().text).toBe('with a new token')
  })
})

describe('what is clicked', () => {
  test.each(['manual', 'automatic'] as const)('comes with verb, data, message and trigger (%s)', async (trigger) => {
    const id = await showCard()
    door.behaviour.onClick = async () => ({ message: 'noted' })
    const action = { verb: 'approve', data: { requestId: 'r-1', comment: 'fine' } }
    expect(await door.teams.invoke('rita', id, action, trigger)).toEqual({
      kind: 'message',
      text: 'noted',
      attempts: 1,
    })
    expect(only()).toMatchObject({ kind: 'click', click: { ...action, reference: id, trigger } })
  })

  test.each([
    [{ card: card('Approved') }, { kind: 'card', card: card('Approved') }],
    [{ message: 'Already decided.' }, { kind: 'message', text: 'Already decided.' }],
    [{ error: { code: 'CONFLICT', message: 'Too late.' } }, { kind: 'error', code: 'CONFLICT', message: 'Too late.' }],
  ])('is answered so that the client shows it: %j', async (answer, shown) => {
    const id = await showCard()
    door.behaviour.onClick = async () => answer
    expect(await door.teams.click('rita', id, 'approve')).toMatchObject({ ...shown, attempts: 1 })
  })

  test('an error of ours is said with a reference that the log holds, and nothing else of it', async () => {
    const id = await showCard()
    door.behaviour.onClick = async () => {
      throw new Error('of the inside')
    }
    const outcome = await door.teams.click('rita', id, 'approve')
    expect(outcome).toMatchObject({ kind: 'error', code: 'INTERNAL', attempts: 1 })
    const reference = /reference ([0-9a-f-]{36})/.exec(JSON.stringify(outcome))?.[1] ?? 'none'
    expect(JSON.stringify(outcome)).not.toContain('of the inside')
    expect(door.lines.filter((line) => line.includes(reference) && line.includes('of the inside'))).toHaveLength(1)
  })

  test('only as an action: a message that holds one is a message without words, and its answer would be for everybody', async () => {
    const id = await showCard()
    expect(await door.teams.click('rita', id, 'Old client')).toMatchObject({ kind: 'submitted', status: 200 })
    expect(only()).toMatchObject({ kind: 'message', text: '' })
  })
})

test('a message that breaks the bot is answered with a reference, and the next one is heard', async () => {
  door.behaviour.onMessage = async () => {
    throw new Error('of the inside')
  }
  await door.teams.say('rita', 'help')
  expect(last().text).toMatch(/Something went wrong here\..*reference [0-9a-f-]{36}\./)
  door.behaviour.onMessage = async (interaction) => interaction.reply('well again')
  await door.teams.say('rita', 'help')
  expect(last().text).toBe('well again')
})

test('what cannot even be answered does not leave the turn', async () => {
  door.behaviour.onMessage = async () => {
    throw new Error('of the inside')
  }
  door.teams.faults.fail('replyToActivity', { kind: 'status', status: 500 }, { times: 5 })
  expect(await door.teams.say('rita', 'help')).toMatchObject({ status: 200 })
  expect(door.lines.filter((line) => line.includes('turn failed'))).toHaveLength(2)
})

test('that the app was installed, or came into a team, is told', async () => {
  await door.teams.install('finn')
  await door.teams.say('max', 'hello', { where: 'channel' })
  const arrivals = door.botCalls.filter(({ kind }) => kind === 'installed').map(({ interaction }) => interaction)
  const people = new Set(arrivals.map(({ caller }) => caller.objectId))
  expect(people).toEqual(new Set([PEOPLE.finn]))
  expect(arrivals.every(({ conversation: at }) => at.conversationType === 'personal')).toBe(true)
})

describe('what means nothing to the bot is taken, and nothing is done', () => {
  const types = [
    ['messageReaction', { reactionsAdded: [{ type: 'like' }] }],
    ['messageUpdate', {}],
    ['conversationUpdate', { membersAdded: [{ id: '29:somebody' }] }],
    ['installationUpdate', { action: 'remove' }],
    ['endOfConversation', {}],
    ['of tomorrow', {}],
  ] as const
  test.each(types)('%s', async (type, changes) => {
    const sent = { ...door.teams.activity('rita', 'my access'), ...changes, type }
    expect(await door.teams.deliver(sent)).toMatchObject({ status: 200 })
    expect(door.botCalls).toEqual([])
  })

  test('somebody without an object id', async () => {
    const sent = door.teams.activity('rita', 'my access')
    const from = { id: '29:bot-of-others', name: 'Somebody' }
    expect(await door.teams.deliver({ ...sent, from })).toMatchObject({ status: 200 })
    const click = { type: 'invoke', name: 'adaptiveCard/action', value: { action: APPROVE } }
    expect(await door.teams.deliver({ ...sent, ...click, from })).toMatchObject({ status: 200 })
    expect(door.botCalls).toEqual([])
  })

  test('an unknown invoke, and a search for nothing', async () => {
    const sent = { ...door.teams.activity('rita', ''), type: 'invoke' }
    expect(await door.teams.deliver({ ...sent, name: 'task/fetch' })).toMatchObject({ status: 200 })
    const search = { name: 'application/search', value: { queryText: '' } }
    expect(await door.teams.deliver({ ...sent, ...search })).toMatchObject({ status: 200, body: { statusCode: 200 } })
    expect(door.botCalls).toEqual([])
  })
})
