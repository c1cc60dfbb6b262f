import { describe, expect, test } from 'vitest'
import { parseActivity } from '../../../src/teams/parse-activity.ts'
import { Refused } from '../../../src/teams/refused.ts'

/** Each activity of Teams becomes one member of the union, or is honestly unsupported. */

const TENANT = '11111111-3b7f-4c69-8a21-6e94f0b7d312'
const RITA = 'AAAAAAAA-3b7f-4c69-8a21-6e94f0b7d312'
const serviceUrl = 'https://smba.trafficmanager.net/teams/'
const ours = { appId: 'app', tenantId: TENANT, serviceUrls: [serviceUrl] }

const base = {
  type: 'message',
  id: 'm-1',
  channelId: 'msteams',
  serviceUrl,
  from: { id: '29:rita', name: 'Rita', aadObjectId: RITA },
  recipient: { id: '28:app', name: 'Latchkey' },
  conversation: { id: 'a:1', conversationType: 'personal' },
  channelData: { tenant: { id: TENANT } },
  text: 'my access',
}
const sender = {
  caller: {
    tenantId: TENANT,
    objectId: RITA.toLowerCase(),
    name: 'Rita',
    roles: [],
    clientId: 'app',
    address: 'teams',
  },
  conversation: {
    v: 1,
    serviceUrl,
    conversationId: 'a:1',
    conversationType: 'personal',
    tenantId: TENANT,
    userId: '29:rita',
  },
}
const click = { type: 'invoke', name: 'adaptiveCard/action', replyToId: 'card-1', text: undefined }
const action = { type: 'Action.Execute', verb: 'approve', data: { requestId: 'r-1' } }

function contentOf(changes: object) {
  return parseActivity({ ...base, ...changes }, { serviceUrl }, ours).content
}

describe('a message', () => {
  test('comes with who wrote it, where, and its id', () => {
    expect(contentOf({})).toEqual({ kind: 'message', sender, message: { id: 'm-1', text: 'my access' } })
  })

  test.each([
    ['markup', '<p>my&nbsp;<b>access</b></p>', []],
    ['the mention of the bot', '@Latchkey my access', [mentionOf('28:app', '@Latchkey')]],
    ['its mention as a tag', '<at>Latchkey</at> my access', [mentionOf('28:app', '<at>Latchkey</at>')]],
  ])('is text as a person read it: without %s', (_what, text, entities) => {
    expect(contentOf({ text, entities })).toHaveProperty('message.text', 'my access')
  })

  test.each([
    ['the mention of somebody else', '@Max my access', [mentionOf('29:max', '@Max')]],
    ['entities that cannot be read', '@Max my access', [null, 7, { type: 'mention' }, mentionOf('', '@')]],
  ])('keeps %s', (_what, text, entities) => {
    expect(contentOf({ text, entities })).toHaveProperty('message.text', text)
  })

  test.each([[undefined], [null], ['']])('without words (%s) is empty', (text) => {
    expect(contentOf({ text })).toHaveProperty('message.text', '')
  })
})

function mentionOf(id: string, text: string): object {
  return { type: 'mention', mentioned: { id, name: '' }, text }
}

test('a click comes with verb, data, message and trigger', () => {
  const reference = 'card-1'
  const clicked = { verb: 'approve', data: { requestId: 'r-1' }, reference }
  expect(contentOf({ ...click, value: { action, trigger: 'automatic' } })).toEqual({
    kind: 'click',
    sender,
    click: { ...clicked, trigger: 'automatic' },
  })
  expect(contentOf({ ...click, value: { action, trigger: 'of tomorrow' } })).toHaveProperty('click.trigger', 'manual')
  expect(contentOf({ ...click, value: { action: { verb: 'view' } } })).toHaveProperty('click.data', {})
})

test('a form search, and an installation', () => {
  const search = { type: 'invoke', name: 'application/search', value: { queryText: '' } }
  expect(contentOf({ ...search, from: undefined })).toEqual({ kind: 'form-search' })
  expect(contentOf({ type: 'installationUpdate', action: 'add-upgrade' })).toEqual({ kind: 'installed', sender })
})

describe('unsupported, with the reason', () => {
  test.each([
    [{ type: 'messageReaction' }, 'messageReaction'],
    [{ type: 'messageUpdate' }, 'messageUpdate'],
    [{ type: 'installationUpdate', action: 'remove' }, 'installationUpdate'],
    [{ type: 'conversationUpdate', membersAdded: [{ id: '28:app' }] }, 'conversationUpdate'],
    [{ from: { id: '29:bot-of-others' } }, 'no person sent it'],
    [{ from: undefined }, 'no person sent it'],
    [{ conversation: { id: 'a:1', conversationType: 'of tomorrow' } }, 'its conversation cannot be answered'],
    [{ conversation: undefined }, 'its conversation cannot be answered'],
    [{ text: 7 }, 'message that cannot be read'],
    [{ type: 'x'.repeat(1_000) }, 'x'.repeat(100)],
  ])('%j', (changes, reason) => {
    expect(contentOf(changes)).toEqual({ kind: 'unsupported', reason, isInvoke: false })
  })

  test.each([
    [{ ...click, name: 'task/fetch' }, 'invoke task/fetch'],
    [{ ...click, value: { action: { verb: '' } } }, 'invoke that cannot be read'],
    [{ ...click, value: undefined }, 'invoke that cannot be read'],
    [{ ...click, value: { action }, from: { id: '29:bot-of-others' } }, 'no person sent it'],
  ])('and Teams waits for an answer: %j', (changes, reason) => {
    expect(contentOf(changes)).toEqual({ kind: 'unsupported', reason, isInvoke: true })
  })
})

test('what is foreign or no activity is refused before anything of it is read', () => {
  const other = '22222222-3b7f-4c69-8a21-6e94f0b7d312'
  expect(() => contentOf({ channelData: { tenant: { id: other } } })).toThrow(new Refused(403, 'other-tenant'))
  expect(() => contentOf({ type: 7 })).toThrow(new Refused(400, 'activity-type'))
})
