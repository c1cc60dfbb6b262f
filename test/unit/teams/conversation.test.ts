import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Conversation } from '../../../src/messages/message.ts'
import { isServiceUrl } from '../../../src/teams/bot-settings.ts'
import { conversationOf, referenceOf } from '../../../src/teams/conversation.ts'

const aConversation: fc.Arbitrary<Conversation> = fc.record(
  {
    v: fc.constant(1 as const),
    serviceUrl: fc.webUrl(),
    conversationId: fc.oneof(
      fc.string({ minLength: 1 }),
      fc.nat().map((root) => `19:channel@thread.tacv2;messageid=${root}`),
    ),
    conversationType: fc.constantFrom('personal', 'groupChat', 'channel'),
    tenantId: fc.uuid(),
    userId: fc.string(),
  },
  { requiredKeys: ['v', 'serviceUrl', 'conversationId', 'conversationType', 'tenantId'] },
)

test('a conversation comes back from the SDK’s form as it was, thread included', () => {
  fc.assert(
    fc.property(aConversation, fc.uuid(), (given, appId) => {
      const reference = JSON.parse(JSON.stringify(referenceOf(given, appId)))
      expect(conversationOf(reference)).toEqual(given)
    }),
  )
})

describe('where the bot’s token may go', () => {
  const OURS = ['https://smba.trafficmanager.net/teams/', 'https://smba.infra.gcc.teams.microsoft.com/teams']

  test.each([
    ['https://smba.trafficmanager.net/teams/', true],
    ['https://smba.trafficmanager.net/teams', true],
    ['https://SMBA.trafficmanager.net/teams/v3/conversations', true],
    ['https://smba.infra.gcc.teams.microsoft.com/teams/', true],
    ['https://smba.trafficmanager.net/', false],
    ['https://smba.trafficmanager.net/teamsters/', false],
    ['https://smba.trafficmanager.net/teams/../', false],
    ['https://smba.trafficmanager.net/teams/%2e%2e/', false],
    ['http://smba.trafficmanager.net/teams/', false],
    ['https://smba.trafficmanager.net:8443/teams/', false],
    ['https://smba.trafficmanager.net.example.com/teams/', false],
    ['https://smba.trafficmanager.net@example.com/teams/', false],
    ['https://somebody@smba.trafficmanager.net/teams/', false],
    ['//smba.trafficmanager.net/teams/', false],
    ['', false],
  ])('%s: %s', (url, allowed) => {
    expect(isServiceUrl(url, OURS)).toBe(allowed)
  })
})
