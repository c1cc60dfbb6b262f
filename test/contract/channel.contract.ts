import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Conversation } from '../../src/messages/message.ts'
import { type MessageSender, type RenderedCard, SenderBusy, Unreachable } from '../../src/messages/message-sender.ts'

/** One channel, and what its reader sees. */
export interface ChannelWorld {
  readonly channel: MessageSender
  /** Object ids: of a person who can be reached, of one without the app, of no person. */
  readonly reachable: string
  readonly without: string
  readonly nobody: string
  /** What the reachable person sees, the oldest first. */
  seen(): readonly { readonly id: string; readonly text: string; readonly summary: string | undefined }[]
  /** The next operation is refused because the channel is busy. */
  busy(retryAfterSeconds?: number): void
  down(): void
  /** The next operation is done, and its answer is lost. */
  lose(): void
  remove(): Promise<void>
  stop(): Promise<void>
}

const HOUR_SECONDS = 3_600
const LONGEST_WAIT_MS = 5 * 60_000

function message(text: string): RenderedCard {
  const card = { type: 'AdaptiveCard', version: '1.5', body: [{ type: 'TextBlock', text }] }
  return { card, summary: `Summary of ${text}` }
}

async function thrown(act: Promise<unknown>): Promise<unknown> {
  return await act.then(
    () => undefined,
    (error: unknown) => error,
  )
}

/** What every channel promises about messages. */
export function channelContract(name: string, start: () => Promise<ChannelWorld>): void {
  describe(`${name}, as every channel`, () => {
    let world: ChannelWorld
    let chat: Conversation

    beforeEach(async () => {
      world = await start()
      chat = await world.channel.open(world.reachable)
    })
    afterEach(() => world.stop())

    test('the personal chat of one person is always the same, and plain JSON', async () => {
      expect(await world.channel.open(world.reachable)).toEqual(chat)
      expect(JSON.parse(JSON.stringify(chat))).toEqual(chat)
      expect(chat.conversationType).toBe('personal')
    })

    test('what is sent is seen, once, under the id that was returned, with its summary', async () => {
      const id = await world.channel.send(chat, message('asked'))
      expect(world.seen()).toEqual([{ id, text: 'asked', summary: 'Summary of asked' }])
    })

    test('an update changes that message and makes no other', async () => {
      const first = await world.channel.send(chat, message('one'))
      const second = await world.channel.send(chat, message('two'))
      await world.channel.update(chat, first, message('one, decided'))
      expect(world.seen().map(({ id, text }) => [id, text])).toEqual([
        [first, 'one, decided'],
        [second, 'two'],
      ])
    })

    test('a busy place says for how long, was not written to, and takes it later', async () => {
      world.busy(7)
      const error = await thrown(world.channel.send(chat, message('later')))
      expect(error).toBeInstanceOf(SenderBusy)
      expect(error).toMatchObject({ waitMs: 7_000, refused: true })
      expect(world.seen()).toEqual([])
      await world.channel.send(chat, message('later'))
      expect(world.seen()).toHaveLength(1)
    })

    test('nobody is made to wait for longer than a while', async () => {
      world.busy(HOUR_SECONDS)
      expect(await thrown(world.channel.send(chat, message('later')))).toMatchObject({ waitMs: LONGEST_WAIT_MS })
    })

    test('an answer that is lost leaves open whether it was sent: it is not tried again here', async () => {
      world.lose()
      const error = await thrown(world.channel.send(chat, message('perhaps')))
      expect(error).toBeInstanceOf(SenderBusy)
      expect(error).toMatchObject({ refused: false })
      expect(world.seen()).toHaveLength(1)
    })

    test('a place that is down is busy', async () => {
      world.down()
      expect(await thrown(world.channel.open(world.reachable))).toBeInstanceOf(SenderBusy)
    })

    test('whom it cannot reach is gone, with a sentence', async () => {
      for (const person of [world.without, world.nobody]) {
        const error = await thrown(world.channel.open(person))
        expect(error).toBeInstanceOf(Unreachable)
        expect(error).toMatchObject({ reason: expect.stringMatching(/^[A-Z].*\.$/) })
      }
    })

    test('a conversation from which it was removed is gone, for new messages and old ones', async () => {
      const id = await world.channel.send(chat, message('before'))
      await world.remove()
      expect(await thrown(world.channel.send(chat, message('after')))).toBeInstanceOf(Unreachable)
      expect(await thrown(world.channel.update(chat, id, message('after')))).toBeInstanceOf(Unreachable)
    })

    test('a message that is not there is gone', async () => {
      expect(await thrown(world.channel.update(chat, '1', message('nowhere')))).toBeInstanceOf(Unreachable)
    })
  })
}
