import { randomUUID } from 'node:crypto'
import type { CardAction } from './cards.ts'
import type { Message } from './messages.ts'
import type { Roster, TeamsPerson } from './roster.ts'

/** The activities that Teams sends to the bot's endpoint, as plain JSON. */
export type Activity = Readonly<Record<string, unknown>> & { readonly type: string; readonly id: string }

export type Trigger = 'manual' | 'automatic'

export interface Activities {
  message(message: Message, person: TeamsPerson): Activity
  /** `Action.Submit` arrives as a message without text. */
  submit(message: Message, person: TeamsPerson, value: object): Activity
  invoke(message: Message, person: TeamsPerson, action: CardAction, trigger: Trigger): Activity
  /** The activities when a person adds the app, in order. */
  added(person: TeamsPerson): readonly Activity[]
  removed(person: TeamsPerson): Activity
  addedToTeam(by: TeamsPerson): Activity
}

/** The text of a mention of the bot. The client turns it into an entity. */
export function mentionOf(roster: Roster): string {
  return `@${roster.botName}`
}

export function createActivities(setup: {
  readonly roster: Roster
  readonly serviceUrl: string
  readonly now: () => number
}): Activities {
  const { roster, serviceUrl, now } = setup

  function envelope(person: TeamsPerson): object {
    return {
      timestamp: new Date(now()).toISOString(),
      localTimestamp: new Date(now()).toISOString(),
      localTimezone: 'Europe/Amsterdam',
      channelId: 'msteams',
      serviceUrl,
      from: { id: person.id, name: person.name, aadObjectId: person.objectId },
      recipient: { id: roster.botId, name: roster.botName },
      locale: 'en-US',
    }
  }

  function event(person: TeamsPerson, rest: object): object {
    return { id: `f:${randomUUID()}`, ...envelope(person), ...rest }
  }

  function whereOf({ postedIn, id }: Message, person: TeamsPerson): object {
    if (postedIn.kind === 'personal') return personal(person)
    const { team, channel, tenantId } = roster
    return {
      conversation: {
        isGroup: true,
        conversationType: 'channel',
        tenantId,
        id: `${channel.id};messageid=${postedIn.root}`,
      },
      channelData: {
        teamsChannelId: channel.id,
        teamsTeamId: team.id,
        channel: { id: channel.id },
        team: { id: team.id },
        tenant: { id: tenantId },
      },
      ...(postedIn.root === id ? {} : { replyToId: postedIn.root }),
    }
  }

  function personal(person: TeamsPerson): object {
    return {
      conversation: { conversationType: 'personal', tenantId: roster.tenantId, id: person.personalChatId },
      channelData: { tenant: { id: roster.tenantId } },
    }
  }

  return {
    message(message, person) {
      const mention = mentionOf(roster)
      const tag = `<at>${roster.botName}</at>`
      const mentioned = message.postedIn.kind === 'channel' && message.text.includes(mention)
      const clientInfo = { type: 'clientInfo', locale: 'en-US', country: 'NL', platform: 'Web' }
      const entity = { type: 'mention', text: tag, mentioned: { id: roster.botId, name: roster.botName } }
      return {
        type: 'message',
        id: message.id,
        ...envelope(person),
        ...whereOf(message, person),
        textFormat: 'plain',
        text: mentioned ? message.text.replaceAll(mention, tag) : message.text,
        attachments: [{ contentType: 'text/html', content: `<p>${html(message.text)}</p>` }],
        entities: mentioned ? [entity, clientInfo] : [clientInfo],
      }
    },
    submit: (message, person, value) => ({
      type: 'message',
      id: String(now()),
      ...envelope(person),
      ...whereOf(message, person),
      replyToId: message.id,
      value,
    }),
    invoke: (message, person, action, trigger) => ({
      type: 'invoke',
      name: 'adaptiveCard/action',
      id: `f:${randomUUID()}`,
      ...envelope(person),
      ...whereOf(message, person),
      replyToId: message.id,
      value: { action: wireAction(action), trigger },
    }),
    added: (person) => [
      {
        type: 'installationUpdate',
        id: `f:${randomUUID()}`,
        ...event(person, { ...personal(person), action: 'add' }),
        entities: [{ type: 'clientInfo', locale: 'en-US' }],
      },
      {
        type: 'conversationUpdate',
        id: `f:${randomUUID()}`,
        ...event(person, { ...personal(person), membersAdded: [{ id: roster.botId }] }),
      },
    ],
    removed: (person) => ({
      type: 'installationUpdate',
      id: `f:${randomUUID()}`,
      ...event(person, { ...personal(person), action: 'remove' }),
    }),
    addedToTeam: (by) => ({
      type: 'conversationUpdate',
      id: `f:${randomUUID()}`,
      ...event(by, {
        conversation: {
          isGroup: true,
          conversationType: 'channel',
          tenantId: roster.tenantId,
          id: roster.team.id,
        },
        channelData: {
          team: { id: roster.team.id, name: roster.team.name, aadGroupId: roster.team.aadGroupId },
          eventType: 'teamMemberAdded',
          tenant: { id: roster.tenantId },
        },
        membersAdded: [{ id: roster.botId }],
      }),
    }),
  }
}

function wireAction({ type, id, title, verb, data }: CardAction): object {
  return { type, id: id ?? '', ...(title === undefined ? {} : { title }), verb: verb ?? '', data: data ?? {} }
}

function html(text: string): string {
  return text.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`)
}
