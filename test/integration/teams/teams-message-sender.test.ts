import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PEOPLE } from '../../../sandbox/entra/fixture.ts'
import { textOf } from '../../../sandbox/teams/cards.ts'
import { type SandboxTeams, startTeams } from '../../../sandbox/teams/index.ts'
import type { Conversation } from '../../../src/messages/message.ts'
import { type MessageSender, SenderBusy, Unreachable } from '../../../src/messages/message-sender.ts'
import { teamsMessageSender } from '../../../src/teams/teams-message-sender.ts'
import { type ChannelWorld, channelContract } from '../../contract/channel.contract.ts'
import { collectingLog, settingsOf } from '../../fixtures/teams.ts'

function channelOf(teams: SandboxTeams, changed: object = {}, lines: string[] = []): MessageSender {
  const settings = { ...settingsOf(teams), ...changed }
  return teamsMessageSender({ settings, tenantId: teams.tenantId, log: collectingLog(lines) })
}

async function start(): Promise<ChannelWorld> {
  const teams = await startTeams()
  await teams.install('max')
  return {
    channel: channelOf(teams),
    reachable: PEOPLE.max,
    without: PEOPLE.rita,
    nobody: '00000000-0000-4000-8000-000000000000',
    seen: () =>
      teams.conversation('max').map(({ id, card, summary }) => ({ id, text: card ? textOf(card) : '', summary })),
    busy: (retryAfterSeconds) =>
      teams.faults.fail('any', {
        kind: 'status',
        status: 429,
        ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
      }),
    down: () => teams.faults.fail('any', { kind: 'down' }),
    lose: () => teams.faults.fail('replyToActivity', { kind: 'lose' }),
    remove: () => teams.uninstall('max'),
    stop: () => teams.stop(),
  }
}

channelContract('Teams', start)

const MESSAGE = { card: { type: 'AdaptiveCard', version: '1.5', body: [] }, summary: 'A request' }

describe('Teams in particular', () => {
  let teams: SandboxTeams
  let channel: MessageSender
  let chat: Conversation

  beforeAll(async () => {
    teams = await startTeams()
    await teams.install('max')
    channel = channelOf(teams)
    chat = await channel.open(PEOPLE.max)
  })
  afterAll(() => teams.stop())

  const calls = () => teams.journal.count(({ from }) => from === 'bot')

  async function failing(status: number, retryAfterSeconds?: number): Promise<unknown> {
    const fault = { kind: 'status', status, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) } as const
    teams.faults.fail('replyToActivity', fault)
    return await channel.send(chat, MESSAGE).catch((error: unknown) => error)
  }

  test.each([
    [412, true],
    [429, true],
    [500, false],
    [502, false],
    [503, false],
    [504, false],
  ])('%s is busy, and one call was made', async (status, refused) => {
    const before = calls()
    const error = await failing(status)
    expect(error).toBeInstanceOf(SenderBusy)
    expect(error).toMatchObject({ refused })
    expect(calls()).toBe(before + 1)
  })

  test.each([[403], [404]])('%s is gone', async (status) => {
    expect(await failing(status)).toBeInstanceOf(Unreachable)
  })

  test('a message that is too long is a fault of ours', async () => {
    const error = await failing(413)
    expect(error).not.toBeInstanceOf(SenderBusy)
    expect(error).not.toBeInstanceOf(Unreachable)
    expect(error).toMatchObject({ status: 413, code: 'MessageSizeTooBig' })
  })

  test('in a channel it stays in the thread', async () => {
    const { thread } = await teams.say('rita', 'request', { where: 'channel' })
    const conversationId = `${teams.roster.channel.id};messageid=${thread}`
    const id = await channel.send({ ...chat, conversationType: 'channel', conversationId }, MESSAGE)
    expect(teams.conversation('rita', 'channel').at(-1)).toMatchObject({ id, thread })
  })

  test('a channel is written to only once the app is in its team, and each post is a thread of its own', async () => {
    const { id } = teams.roster.channel
    const mine = await startTeams()
    await expect(channelOf(mine).post(mine.roster.channel.id, MESSAGE)).rejects.toThrow(Unreachable)
    await mine.stop()
    await teams.open('rita', 'channel')
    await expect(channel.post('19:elsewhere@thread.tacv2', MESSAGE)).rejects.toThrow(Unreachable)
    const before = teams.conversation('rita', 'channel').length
    for (const _ of [1, 2]) await channel.post(id, MESSAGE)
    const posted = teams.conversation('rita', 'channel').slice(before)
    expect(posted.map(({ summary }) => summary)).toEqual([MESSAGE.summary, MESSAGE.summary])
    expect(new Set(posted.map(({ thread }) => thread)).size).toBe(2)
  })

  test('a conversation that says it is elsewhere is never written to', async () => {
    const elsewhere = { ...chat, serviceUrl: `${teams.serviceUrl.replace('/teams/', '/')}elsewhere/` }
    await expect(channel.send(elsewhere, MESSAGE)).rejects.toThrow(Unreachable)
  })

  test.each([
    ['an authority that is away', { loginUrl: 'https://127.0.0.1:1' }],
    ['a wrong secret', { appPassword: 'SANDBOX-wrong' }],
  ])('without a token nothing was sent, and it is said loudly: %s', async (_what, changed) => {
    const lines: string[] = []
    const before = calls()
    const error = await channelOf(teams, changed, lines)
      .send(chat, MESSAGE)
      .catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(SenderBusy)
    expect(error).toMatchObject({ refused: true })
    expect(calls()).toBe(before)
    expect(lines.filter((line) => line.includes('Teams is not reached'))).toHaveLength(1)
    expect(lines.join()).not.toContain('SANDBOX-wrong')
  })
})
