import type { IncomingMessage, ServerResponse } from 'node:http'
import { z } from 'zod'
import type { Apps } from './apps.ts'
import type { Authority } from './authority.ts'
import { cardSchema } from './cards.ts'
import {
  badSyntax,
  concurrentOperations,
  conversationNotFound,
  injected,
  memberNotFound,
  messageTooBig,
  TeamsFault,
} from './fault.ts'
import type { Fault, Faults, Operation } from './faults.ts'
import type { Journal } from './journal.ts'
import type { Limits } from './limits.ts'
import type { Message, Messages, Target } from './messages.ts'
import type { Roster, TeamsPerson } from './roster.ts'

/** The part of Teams' Bot Connector service that `botbuilder`'s ConnectorClient and TeamsInfo call. */

/** A message has at most 100 KB, the whole payload encoded as UTF-16 ("Format your bot messages"). */
const MOST_BYTES = 100 * 1_024
const LARGEST_PAGE = 500
const CARD = 'application/vnd.microsoft.card.adaptive'
/** Cards of bots in Teams have at most version 1.5. */
const NEWEST_CARD_MINOR = 5

const activitySchema = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  textFormat: z.string().optional(),
  summary: z.string().optional(),
  attachments: z.array(z.looseObject({ contentType: z.string(), content: z.unknown() })).optional(),
  channelData: z.looseObject({ notification: z.looseObject({ alert: z.boolean().optional() }).optional() }).optional(),
})
type SentActivity = z.output<typeof activitySchema>

const createSchema = z.looseObject({
  isGroup: z.boolean().optional(),
  members: z.array(z.looseObject({ id: z.string() })).optional(),
  tenantId: z.string().optional(),
  activity: activitySchema.optional(),
  channelData: z
    .looseObject({
      tenant: z.looseObject({ id: z.string() }).optional(),
      channel: z.looseObject({ id: z.string() }).optional(),
      teamsChannelId: z.string().optional(),
    })
    .optional(),
})

interface Call {
  readonly conversation: string
  readonly item: string
  readonly query: URLSearchParams
  readonly body: unknown
}

interface Answer {
  readonly status: number
  readonly body?: unknown
  readonly activityId?: string
  readonly conversation?: string
}

interface Route {
  readonly method: string
  readonly path: RegExp
  readonly operation: Operation
  readonly spends: 'send' | 'create' | 'members'
}

const PATHS = {
  conversations: /^\/v3\/conversations\/?$/,
  activities: /^\/v3\/conversations\/([^/]+)\/activities\/?$/,
  activity: /^\/v3\/conversations\/([^/]+)\/activities\/([^/]+)$/,
  members: /^\/v3\/conversations\/([^/]+)\/members$/,
  member: /^\/v3\/conversations\/([^/]+)\/members\/([^/]+)$/,
  pagedMembers: /^\/v3\/conversations\/([^/]+)\/pagedmembers$/i,
  activityMembers: /^\/v3\/conversations\/([^/]+)\/activities\/([^/]+)\/members$/,
  team: /^\/v3\/teams\/([^/]+)$/,
  teamConversations: /^\/v3\/teams\/([^/]+)\/conversations$/,
}

const ROUTES: readonly Route[] = [
  { method: 'POST', path: PATHS.conversations, operation: 'createConversation', spends: 'create' },
  { method: 'POST', path: PATHS.activities, operation: 'sendToConversation', spends: 'send' },
  { method: 'POST', path: PATHS.activity, operation: 'replyToActivity', spends: 'send' },
  // The table of limits does not list edits. They count as sends to the same conversation.
  { method: 'PUT', path: PATHS.activity, operation: 'updateActivity', spends: 'send' },
  { method: 'DELETE', path: PATHS.activity, operation: 'deleteActivity', spends: 'send' },
  { method: 'GET', path: PATHS.members, operation: 'getMembers', spends: 'members' },
  { method: 'GET', path: PATHS.member, operation: 'getMember', spends: 'members' },
  { method: 'GET', path: PATHS.pagedMembers, operation: 'getPagedMembers', spends: 'members' },
  { method: 'GET', path: PATHS.activityMembers, operation: 'getActivityMembers', spends: 'members' },
  { method: 'GET', path: PATHS.team, operation: 'getTeam', spends: 'members' },
  { method: 'GET', path: PATHS.teamConversations, operation: 'getTeamConversations', spends: 'members' },
]

export type HandleConnector = (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<void>

export function createConnector(setup: {
  readonly roster: Roster
  readonly authority: Authority
  readonly messages: Messages
  readonly apps: Apps
  readonly limits: Limits
  readonly faults: Faults
  readonly journal: Journal
}): HandleConnector {
  const { roster, authority, messages, apps, limits, faults, journal } = setup
  const busy = new Set<string>()

  const operations: Readonly<Record<Operation, (call: Call) => Answer>> = {
    createConversation,
    sendToConversation: (call) => send(call),
    replyToActivity: (call) => send(call),
    updateActivity,
    deleteActivity,
    getMembers: (call) => ({ status: 200, body: membersOf(call.conversation).map(member) }),
    getPagedMembers,
    getMember,
    getActivityMembers: (call) => ({ status: 200, body: membersOf(call.conversation).map(member) }),
    getTeam: (call) => ({ status: 200, body: team(call.conversation) }),
    getTeamConversations,
  }

  async function handle(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const path = url.pathname.replace(/^\/teams/, '')
    const route = ROUTES.find((one) => one.method === request.method && one.path.test(path))
    const [conversation = '', item = ''] = (route?.path.exec(path) ?? []).slice(1).map(decodeURIComponent)
    let bytes = 0
    let answer: Answer
    let fault: Fault | undefined
    let code: string | undefined
    let retryAfterSeconds: number | undefined
    let holds: string | undefined
    try {
      const raw = await rawBody(request)
      await authority.authenticateBot(request.headers.authorization)
      if (route === undefined) throw new TeamsFault(404, 'NotFound', `No such operation: ${request.method} ${path}`)
      fault = faults.take(route.operation, conversation)
      if (fault?.kind === 'down') request.socket.destroy()
      if (fault?.kind === 'status') throw injected(fault.status, fault.retryAfterSeconds)
      bytes = Buffer.byteLength(raw, 'utf16le')
      const call = { conversation, item, query: url.searchParams, body: parsed(raw) }
      limits.spend(route.spends, threadOf(call))
      if (route.method !== 'GET') holds = conversation === '' ? undefined : conversation
      if (holds !== undefined && busy.has(holds)) {
        holds = undefined
        throw concurrentOperations()
      }
      if (holds !== undefined) busy.add(holds)
      if (bytes > MOST_BYTES) throw messageTooBig()
      answer = fault?.kind === 'down' ? { status: 0 } : operations[route.operation](call)
      if (fault?.kind === 'hold') await fault.until
    } catch (error) {
      if (!(error instanceof TeamsFault)) throw error
      code = error.code
      retryAfterSeconds = error.retryAfterSeconds
      answer = { status: error.status, body: { error: { code: error.code, message: error.message } } }
    } finally {
      if (holds !== undefined) busy.delete(holds)
    }
    const activityId = answer.activityId ?? (route?.path === PATHS.activity ? item : undefined)
    const conversationId = answer.conversation ?? conversation
    journal.append({
      from: 'bot',
      what: route?.operation ?? `${request.method} ${path}`,
      ...(conversationId === '' ? {} : { conversation: conversationId }),
      ...(activityId === undefined ? {} : { activityId }),
      status: fault?.kind === 'down' ? 'unreachable' : answer.status,
      ...(code === undefined ? {} : { code }),
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
      ...(bytes === 0 ? {} : { bytes }),
    })
    if (fault?.kind === 'lose') request.socket.destroy()
    if (request.socket.destroyed) return
    if (retryAfterSeconds !== undefined) response.setHeader('retry-after', retryAfterSeconds)
    response.writeHead(answer.status, { 'content-type': 'application/json; charset=utf-8' })
    response.end(answer.body === undefined ? undefined : JSON.stringify(answer.body))
  }

  /** All threads of a channel share its limits. A chat that does not exist yet is counted by its person. */
  function threadOf({ conversation, body }: Call): string {
    const [base = ''] = conversation.split(';messageid=')
    if (base !== '') return base
    const asked = createSchema.safeParse(body).data
    return asked?.channelData?.channel?.id ?? asked?.members?.[0]?.id ?? ''
  }

  function createConversation({ body }: Call): Answer {
    const asked = createSchema.safeParse(body)
    if (!asked.success) throw badSyntax('Incorrect conversation creation parameters')
    const { isGroup, members = [], activity, channelData, tenantId } = asked.data
    const channelId = channelData?.channel?.id ?? channelData?.teamsChannelId
    if (channelId !== undefined) return createThread(channelId, activity)
    const [first] = members
    if (isGroup === true || members.length !== 1 || first === undefined) {
      throw badSyntax('Incorrect conversation creation parameters')
    }
    if ((channelData?.tenant?.id ?? tenantId) !== roster.tenantId) throw badSyntax('Bot is not in the tenant')
    const person = memberById(first.id)
    if (person === undefined) throw badSyntax('Failed to decrypt pairwise id')
    apps.demand(person)
    const conversation = person.personalChatId
    const sent = activity && post({ kind: 'personal', owner: person }, activity)
    if (sent?.id === undefined) return { status: 201, body: { id: conversation }, conversation }
    return { status: 201, body: { id: conversation, activityId: sent.id }, conversation, activityId: sent.id }
  }

  function createThread(channelId: string, activity: SentActivity | undefined): Answer {
    if (channelId !== roster.channel.id) throw conversationNotFound()
    apps.demandTeam()
    if (activity === undefined) throw badSyntax('Incorrect conversation creation parameters')
    const { root } = post({ kind: 'channel', root: undefined }, activity)
    const conversation = `${channelId};messageid=${root}`
    return { status: 201, body: { id: conversation, activityId: root }, conversation, activityId: root }
  }

  function send({ conversation, body }: Call): Answer {
    const target = writable(conversation)
    const activity = parseActivity(body)
    if (activity.type === 'typing') return { status: 202, body: {} }
    const { id } = post(target, activity)
    return id === undefined ? { status: 201, body: {} } : { status: 201, body: { id }, activityId: id }
  }

  /** An activity with text and an attachment becomes two messages, and the bot gets no id. */
  function post(target: Target, activity: SentActivity): { readonly id?: string; readonly root: string } {
    if (activity.type !== 'message') throw badSyntax(`Unknown activity type ${activity.type}`)
    const { card, text } = contentOf(activity)
    if (card === undefined && text === '') throw badSyntax('Empty message')
    const rest = {
      format: activity.textFormat === 'plain' ? ('plain' as const) : ('markdown' as const),
      ...(activity.summary === undefined ? {} : { summary: activity.summary }),
      alert: activity.channelData?.notification?.alert === true,
    }
    const both = card !== undefined && text !== ''
    const first = messages.add(target, 'bot', { ...rest, text, ...(card === undefined || both ? {} : { card }) })
    const root = first.postedIn.kind === 'channel' ? first.postedIn.root : first.id
    if (!both) return { id: first.id, root }
    messages.add(target.kind === 'channel' ? { ...target, root } : target, 'bot', { ...rest, text: '', card })
    return { root }
  }

  function updateActivity({ conversation, item, body }: Call): Answer {
    const message = ownMessage(conversation, item)
    const activity = parseActivity(body)
    const { card, text } = contentOf(activity)
    if (card === undefined && text === '') throw badSyntax('Empty message')
    messages.edit(message, {
      text,
      format: activity.textFormat === 'plain' ? 'plain' : 'markdown',
      alert: false,
      ...(card === undefined ? {} : { card }),
      ...(activity.summary === undefined ? {} : { summary: activity.summary }),
    })
    return { status: 200, body: { id: message.id } }
  }

  function deleteActivity({ conversation, item }: Call): Answer {
    messages.remove(ownMessage(conversation, item))
    return { status: 200 }
  }

  function ownMessage(conversation: string, id: string): Message {
    const message = messages.find(writable(conversation), id)
    if (message.from !== 'bot') throw new TeamsFault(403, 'Forbidden', 'The bot may only change its own messages.')
    return message
  }

  function writable(conversation: string): Target {
    const target = messages.resolve(conversation)
    if (target.kind === 'personal') apps.demand(target.owner)
    else apps.demandTeam()
    return target
  }

  /** A team's id also stands for its members. */
  function membersOf(conversation: string): readonly TeamsPerson[] {
    if (conversation === roster.team.id) return roster.people()
    const target = messages.resolve(conversation)
    if (target.kind === 'channel') return roster.people()
    apps.demand(target.owner)
    return [target.owner]
  }

  function getMember({ conversation, item }: Call): Answer {
    const found = memberById(item)
    if (found === undefined || !membersOf(conversation).includes(found)) throw memberNotFound()
    return { status: 200, body: member(found) }
  }

  function getPagedMembers({ conversation, query }: Call): Answer {
    const everybody = membersOf(conversation)
    const from = Number(query.get('continuationToken') ?? 0)
    const size = Math.min(Number(query.get('pageSize') ?? LARGEST_PAGE), LARGEST_PAGE)
    if (!(from >= 0) || !(size >= 1)) throw badSyntax('Invalid page')
    const to = from + size
    const more = to < everybody.length ? { continuationToken: String(to) } : {}
    return { status: 200, body: { members: everybody.slice(from, to).map(member), ...more } }
  }

  function memberById(id: string): TeamsPerson | undefined {
    return roster.people().find((person) => person.id === id || person.objectId === id)
  }

  function member(person: TeamsPerson): object {
    const [givenName, ...surname] = person.name.split(' ')
    return {
      id: person.id,
      name: person.name,
      objectId: person.objectId,
      aadObjectId: person.objectId,
      givenName,
      surname: surname.join(' '),
      email: person.mail,
      userPrincipalName: person.userPrincipalName,
      tenantId: roster.tenantId,
      userRole: person.guest ? 'guest' : 'user',
    }
  }

  function team(id: string): object {
    if (id !== roster.team.id) throw conversationNotFound()
    return { ...roster.team, type: 'standard', memberCount: roster.people().length, channelCount: 2 }
  }

  /** The general channel has the team's id and no name. */
  function getTeamConversations({ conversation }: Call): Answer {
    team(conversation)
    return { status: 200, body: { conversations: [{ id: roster.team.id }, { ...roster.channel }] } }
  }

  return handle
}

function parseActivity(body: unknown): SentActivity {
  const activity = activitySchema.safeParse(body)
  if (!activity.success) throw badSyntax('Invalid activity')
  return activity.data
}

function contentOf(activity: SentActivity): { readonly text: string; readonly card?: z.output<typeof cardSchema> } {
  const { text = '', attachments = [] } = activity
  const [attachment, ...others] = attachments
  if (attachment === undefined) return { text }
  // A real client shows several attachments as a list. Latchkey never sends more than one, and the sandbox cannot show them.
  if (others.length > 0) throw badSyntax('The sandbox shows one attachment a message')
  const card = cardSchema.safeParse(attachment.content)
  if (attachment.contentType !== CARD || !card.success) throw badSyntax('Unknown attachment type')
  const [major = 0, minor = 0] = String(card.data.version).split('.').map(Number)
  if (major !== 1 || !(minor <= NEWEST_CARD_MINOR)) throw badSyntax('Unsupported Adaptive Card version')
  return { text, card: card.data }
}

async function rawBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part)
  return Buffer.concat(parts).toString('utf8')
}

function parsed(raw: string): unknown {
  if (raw === '') return undefined
  try {
    return JSON.parse(raw)
  } catch {
    throw badSyntax('The body is not JSON')
  }
}
