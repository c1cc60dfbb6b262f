import { describe, expect, test } from 'vitest'
import {
  type ClaimFields,
  claimedForMs,
  claimToSend,
  sendClaimed,
  type Versioned,
} from '../../../src/messages/delivery-claim.ts'
import type { Message } from '../../../src/messages/message.ts'
import { messageClaim } from '../../../src/messages/message-claim.ts'
import { SenderBusy } from '../../../src/messages/message-sender.ts'
import { noticeClaim, type StoredSecurityNotice } from '../../../src/messages/security-notice.ts'

/** One mechanism for messages and security notices, each with stored fields of its own. */

const NOW_MS = Date.parse('2026-11-22T10:00:00.000Z')
const isoTime = (ms: number) => new Date(ms).toISOString()

const message: Message = {
  id: 'c-0123456789ab',
  requestId: 'r-0123456789ab',
  reader: '11111111-3b7f-4c69-8a21-6e94f0b7d312',
  role: 'approver',
  shows: 'request',
  place: { channel: 'personal' },
  presented: '',
}
const notice: StoredSecurityNotice = {
  notice: { kind: 'epoch-renewed', id: 'n-0123456789ab', at: isoTime(NOW_MS), by: 'olga' },
  mac: '',
}

/** A record in memory that counts its versions. */
function storeOf<R>(fields: ClaimFields<R>) {
  const write = async ({ version }: Versioned<R>, next: R) => ({ version: version + 1, value: next })
  const written: Versioned<R>[] = []
  return {
    written,
    fields,
    now: () => NOW_MS,
    write: async (stored: Versioned<R>, next: R) => {
      written.push(await write(stored, next))
      return await write(stored, next)
    },
  }
}

async function claimTimes<R>(fields: ClaimFields<R>, value: R, times: number): Promise<Versioned<R>> {
  let stored: Versioned<R> = { version: 1, value }
  for (let tries = 0; tries < times; tries += 1) stored = await claimToSend(storeOf(fields), stored)
  return stored
}

describe('a claim lasts longer after each try without an answer, and an hour at most', () => {
  test.each([
    [1, 60_000],
    [2, 300_000],
    [3, 1_500_000],
    [4, 3_600_000],
    [9, 3_600_000],
  ])('try %i: %i ms', async (tries, lastsMs) => {
    const claimedMessage = await claimTimes(messageClaim, message, tries)
    const claimedNotice = await claimTimes(noticeClaim, notice, tries)
    expect(claimedForMs(messageClaim, claimedMessage.value, NOW_MS)).toBe(lastsMs)
    expect(claimedForMs(noticeClaim, claimedNotice.value, NOW_MS)).toBe(lastsMs)
    expect(claimedForMs(messageClaim, claimedMessage.value, NOW_MS + lastsMs)).toBe(0)
    expect(claimedForMs(noticeClaim, claimedNotice.value, NOW_MS + lastsMs)).toBe(0)
  })
})

test('the stored fields are those of each record', async () => {
  const claimedMessage = await claimTimes(messageClaim, message, 2)
  const claimedNotice = await claimTimes(noticeClaim, notice, 2)
  expect(claimedMessage.value).toEqual({ ...message, claimedAt: isoTime(NOW_MS), tries: 2 })
  expect(claimedNotice.value).toEqual({ ...notice, notBefore: isoTime(NOW_MS + 300_000), tries: 2 })
  expect(messageClaim.clear(claimedMessage.value)).toEqual(message)
  expect(noticeClaim.clear(claimedNotice.value)).toEqual(notice)
})

test('nobody claims what was never claimed, what was sent, and what a clock ahead of ours claimed', () => {
  const at = (ms: number) => claimedForMs(messageClaim, { ...message, claimedAt: isoTime(NOW_MS + ms) }, NOW_MS)
  expect(claimedForMs(messageClaim, message, NOW_MS)).toBe(0)
  expect(claimedForMs(noticeClaim, notice, NOW_MS)).toBe(0)
  const sent = { ...message, claimedAt: isoTime(NOW_MS), reference: 'm-1' }
  expect(claimedForMs(messageClaim, sent, NOW_MS)).toBe(0)
  expect([at(119_000), at(121_000)]).toEqual([179_000, 0])
  const until = (ms: number) => claimedForMs(noticeClaim, { ...notice, notBefore: isoTime(NOW_MS + ms) }, NOW_MS)
  expect([until(3_700_000), until(3_721_000)]).toEqual([3_700_000, 0])
})

describe('what the channel refused was no try', () => {
  const refused = () => Promise.reject(new SenderBusy(30_000, { refused: true }))
  const lost = () => Promise.reject(new SenderBusy(30_000))

  test.each([
    [1, message, { ...notice, notBefore: isoTime(NOW_MS + 30_000) }],
    [2, { ...message, tries: 1 }, { ...notice, tries: 1, notBefore: isoTime(NOW_MS + 30_000) }],
  ])('at try %i', async (tries, messageThen, noticeThen) => {
    const [messages, notices] = [storeOf(messageClaim), storeOf(noticeClaim)]
    const claimedMessage = await claimTimes(messageClaim, message, tries)
    const claimedNotice = await claimTimes(noticeClaim, notice, tries)
    await expect(sendClaimed(messages, claimedMessage, refused)).rejects.toThrow(SenderBusy)
    await expect(sendClaimed(notices, claimedNotice, refused)).rejects.toThrow(SenderBusy)
    expect(messages.written.map(({ value }) => value)).toEqual([messageThen])
    expect(notices.written.map(({ value }) => value)).toEqual([noticeThen])
  })

  test('and where the answer was lost the claim stays', async () => {
    const messages = storeOf(messageClaim)
    const claimed = await claimTimes(messageClaim, message, 1)
    await expect(sendClaimed(messages, claimed, lost)).rejects.toThrow(SenderBusy)
    expect(messages.written).toEqual([])
    expect(await sendClaimed(messages, claimed, async () => 'm-1')).toBe('m-1')
  })
})
