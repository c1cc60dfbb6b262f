import { randomUUID } from 'node:crypto'
import { type AccessRequest, readRequest } from '../../src/access-requests/access-request.ts'
import { cancelRequest } from '../../src/access-requests/cancel-request.ts'
import type { Conversation } from '../../src/access-requests/copies.ts'
import { findRequests } from '../../src/access-requests/find-requests.ts'
import type { Message } from '../../src/cards/channel.ts'
import { readCopies, type StoredCopy } from '../../src/cards/copy.ts'
import { requestView } from '../../src/cards/request-view.ts'
import { endGrant } from '../../src/grants/end-grant.ts'
import { findGrants } from '../../src/grants/find-grants.ts'
import { redisDigests } from '../../src/redis/digests.ts'
import type { Action, Answer, Bot } from '../../src/teams/bot.ts'
import { formCounter } from '../../src/teams/few-forms.ts'
import { latchkeyBot } from '../../src/teams/turns.ts'
import type { PersonName } from '../sandbox/entra/fixture.ts'
import { type Office, openOffice } from './invariant-ground.ts'

/** What people say and click, without Teams between: the bot on a real Redis, against the sandbox's AWS and Entra. */
export interface Chat {
  readonly office: Office
  readonly bot: Bot
  /** What was replied. */
  /** `activityId`: a delivery that is repeated carries the same. */
  say(
    person: PersonName,
    text: string,
    type?: Conversation['conversationType'],
    activityId?: string,
  ): Promise<readonly (string | Message)[]>
  click(person: PersonName, verb: string, data: object, reference?: string): Promise<Answer>
  install(person: PersonName, type?: Conversation['conversationType']): Promise<readonly (string | Message)[]>
  /** What the card of this request carries now. */
  data(requestId: string): Promise<{ readonly requestId: string; readonly version: string }>
  request(id: string): Promise<AccessRequest>
  /** The newest first. */
  requestsOf(person: PersonName): Promise<readonly AccessRequest[]>
  copies(requestId: string): Promise<readonly StoredCopy[]>
  change(copy: StoredCopy, changes: object): Promise<void>
  /** What somebody with `redis-cli` can do to a request. */
  overwrite(requestId: string, json: object): Promise<void>
  /** Nothing waits or is live any more, and nobody has asked within the hour. */
  clear(): Promise<void>
}

const PUBLIC_URL = 'https://latchkey.example'

export async function openChat(name: string): Promise<Chat> {
  const office = await openOffice(name)
  const { record, needs, ground } = office
  const redis = await ground.open('request')
  const digests = redisDigests(redis, { prefix: ground.prefix })
  const bot = latchkeyBot({ ...needs, digests, publicUrl: PUBLIC_URL, countForm: formCounter() })

  async function take(
    person: PersonName,
    type: Conversation['conversationType'],
    act: (turn: Parameters<Bot['said']>[0]) => Promise<void>,
    activityId: string = randomUUID(),
  ) {
    const replies: (string | Message)[] = []
    const conversation = conversationOf(person, office.entra.tenantId, type)
    const reply = async (answer: string | Message) => void replies.push(answer)
    await act({ caller: office.as(person), conversation, activityId, reply })
    return replies
  }
  async function request(id: string): Promise<AccessRequest> {
    const stored = await readRequest(record, id)
    if (!stored) throw new Error(`There is no request ${id}.`)
    return stored.request
  }
  async function requestsOf(person: PersonName) {
    const found = await findRequests(needs, office.as(person), { role: 'requester', limit: 50 })
    return found.map((stored) => stored.request)
  }

  return {
    office,
    bot,
    say: (person, text, type = 'personal', activityId) =>
      take(person, type, (turn) => bot.said(turn, text), activityId),
    install: (person, type = 'personal') => take(person, type, (turn) => bot.installed(turn)),
    async click(person, verb, data, reference) {
      let answer: Answer | undefined
      const action: Action = { verb, data: { ...data }, reference, trigger: 'manual' }
      await take(person, 'personal', async (turn) => {
        answer = await bot.acted(turn, action)
      })
      if (!answer) throw new Error('The bot did not answer.')
      return answer
    },
    async data(requestId) {
      const stored = await readRequest(record, requestId)
      return { requestId, version: stored ? requestView(stored).version : '' }
    },
    request,
    requestsOf,
    copies: async (requestId) => readCopies(record, (await request(requestId)).copies),
    async change({ copy, version }, changes) {
      const next = { ...copy, ...changes }
      await record.commit({ records: [{ kind: 'copy', id: copy.id, expectedVersion: version, next }], audit: [] })
    },
    overwrite: async (id, json) =>
      void (await redis.hset(`${ground.prefix}:request:${id}`, 'json', JSON.stringify(json))),
    async clear() {
      const rita = office.as('rita')
      for (const { id } of (await requestsOf('rita')).filter(({ status }) => status === 'pending'))
        await cancelRequest(needs, rita, id)
      for (const { id, status } of await findGrants(needs, rita, { limit: 50 }))
        if (status === 'activating' || status === 'active') await endGrant(needs, rita, id)
      await redis.del(`${ground.prefix}:index:asks:${rita.objectId}`)
    },
  }
}

function conversationOf(
  person: PersonName,
  tenantId: string,
  conversationType: Conversation['conversationType'],
): Conversation {
  const conversationId = conversationType === 'personal' ? `a:${person}` : '19:finance@thread.tacv2;messageid=1'
  const serviceUrl = 'https://connector.example/emea/'
  return { v: 1, serviceUrl, conversationId, conversationType, tenantId, userId: `29:${person}` }
}

/** The verbs of all buttons of what was answered. */
export function buttons(answer: Answer | string | Message | undefined): readonly string[] {
  const found = JSON.stringify(answer).matchAll(/"title":"([^"]+)","verb":"([a-z]+)"/g)
  return [...found].flatMap(([, title = '', verb = '']) => (title === 'Show the present state' ? [] : [verb]))
}

/** All text of what was answered, as it is read. */
export function textIn(answer: unknown): string {
  if (typeof answer !== 'object' || answer === null) return ''
  const own = 'text' in answer && typeof answer.text === 'string' ? answer.text : ''
  const parts = Object.values(answer).map(textIn)
  return 'inlines' in answer || Array.isArray(answer)
    ? own + parts.join('')
    : [own, ...parts].filter(Boolean).join('\n')
}
