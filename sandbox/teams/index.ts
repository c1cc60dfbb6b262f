import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type SandboxClock, sandboxClock } from '../aws/clock.ts'
import { serverCertificate } from '../certificate.ts'
import { TENANT_ID } from '../entra/fixture.ts'
import type { SandboxPerson } from '../entra/tenant.ts'
import { type Activity, createActivities, mentionOf, type Trigger } from './activities.ts'
import { type AppState, createApps } from './apps.ts'
import { createAuthority } from './authority.ts'
import type { Card, Inputs } from './cards.ts'
import { type Clicked, type Client, createClient, type SentMessage, type ShownMessage, type Where } from './client.ts'
import { createConnector } from './connector.ts'
import { createDelivery, type Delivered } from './delivery.ts'
import { injected } from './fault.ts'
import { createFaults, type Faults, type Part } from './faults.ts'
import { createInvoke, type Outcome } from './invoke.ts'
import { createJournal, type Journal } from './journal.ts'
import { createLimits } from './limits.ts'
import { listen } from './listen.ts'
import { createMessages, type Message, type Target } from './messages.ts'
import { createPage } from './page/page.ts'
import { createRoster, type Roster, type TeamsPerson } from './roster.ts'
import type { WrongBotToken } from './wrong-tokens.ts'

const INVOKE_TIMEOUT_MS = 5_000

export interface TeamsOptions {
  readonly port?: number
  readonly appId?: string
  readonly appPassword?: string
  readonly tenantId?: string
  readonly botName?: string
  /** The bot's messaging endpoint; `connect` can set it later. */
  readonly endpoint?: string
  readonly people?: readonly SandboxPerson[]
  /** The clock of rate limits and card ages. Tokens use the machine's clock. */
  readonly clock?: SandboxClock
  /** 5 seconds in Teams. */
  readonly invokeTimeoutMs?: number
}

/** The sandbox's Teams. `who` is a person's first name, object id or `29:` id. */
export interface SandboxTeams {
  /** `MicrosoftAppId`, `MicrosoftAppPassword`, `MicrosoftAppTenantId`. */
  readonly appId: string
  readonly appPassword: string
  readonly tenantId: string
  /** `BOT_OPENID_METADATA_URL`. */
  readonly openIdMetadataUrl: string
  /** `BOT_LOGIN_URL`. The tenant and `/oauth2/v2.0/token` follow it. */
  readonly loginUrl: string
  readonly tokenUrl: string
  /** `BOT_SERVICE_URLS`. */
  readonly serviceUrl: string
  readonly roster: Roster
  readonly clock: SandboxClock
  readonly journal: Pick<Journal, 'entries' | 'count' | 'subscribe'>
  readonly faults: Pick<Faults, 'fail' | 'heal' | 'struck'>
  /** The URL at which people look at Teams, these side by side. */
  pageUrl(...people: readonly string[]): string
  connect(endpoint: string): void
  expireBotTokens(): void

  say(who: string, text: string, options?: { where?: Where; thread?: string; mention?: boolean }): Promise<SentMessage>
  /** The conversation as the person's client shows it. */
  conversation(who: string, where?: Where): readonly ShownMessage[]
  click(who: string, activityId: string, verbOrTitle: string, inputs?: Inputs): Promise<Clicked>
  /** Sends any verb and data on any message, as a modified client of a signed-in person could. */
  invoke(who: string, activityId: string, action: { verb: string; data?: object }, trigger?: Trigger): Promise<Outcome>
  /** Opens chat and channel and keeps them open, so that due cards refresh. */
  open(who: string, where?: Where): Promise<void>
  close(who: string): void
  install(who: string): Promise<void>
  uninstall(who: string): Promise<void>
  block(who: string): void
  unblock(who: string): void
  appState(who: string): AppState
  /** Bot Connector's `Authorization` header for its own or another service URL. */
  authorization(serviceUrl?: string, algorithm?: 'RS256' | 'RS512'): Promise<string>
  /** Delivers any activity with a good or a wrong token. */
  deliver(activity: Activity, token?: WrongBotToken): Promise<Delivered>
  /** The activity that `say` would send; nothing is sent. */
  activity(who: string, text: string, where?: Where): Activity
  /** Resolves with the first result of `read` that is not undefined, null or false. `read` runs again after each change. */
  waitFor<T>(read: () => T | undefined | null | false, signal?: AbortSignal): Promise<T>
  /** Resolves when no delivery to the bot is in progress. */
  settled(): Promise<void>
  stop(): Promise<void>
}

export async function startTeams(options: TeamsOptions = {}): Promise<SandboxTeams> {
  const clock = options.clock ?? sandboxClock()
  const now = clock.now
  const appId = options.appId ?? randomUUID()
  const appPassword = options.appPassword ?? `SANDBOX-${randomUUID()}`
  const tenantId = options.tenantId ?? TENANT_ID
  const { people } = options
  const roster = createRoster({ appId, tenantId, botName: options.botName ?? 'Latchkey', ...(people && { people }) })

  const server = createServer()
  const listening = await listen(server, options.port)
  const origin = `http://127.0.0.1:${listening.port}`
  // Microsoft's libraries request tokens only over TLS.
  const login = createTlsServer(serverCertificate())
  const loginListening = await listen(login)
  const loginUrl = `https://127.0.0.1:${loginListening.port}`
  const serviceUrl = `${origin}/teams/`

  const authority = createAuthority({ appId, appPassword, tenantId })
  const journal = createJournal(now)
  const faults = createFaults()
  const messages = createMessages(roster, now)
  const activities = createActivities({ roster, serviceUrl, now })
  const delivery = createDelivery({ authority, serviceUrl, journal, endpoint: options.endpoint })
  const apps = createApps({ activities, delivery })
  const invoke = createInvoke({ activities, delivery, timeoutMs: options.invokeTimeoutMs ?? INVOKE_TIMEOUT_MS })
  const watchers = new Set<() => void>()
  const changed = () => {
    for (const watcher of [...watchers]) watcher()
  }
  journal.subscribe(changed)
  messages.subscribe(changed)
  apps.subscribe(changed)

  const clients = new Map<string, Client>()
  function clientOf(person: TeamsPerson): Client {
    const known = clients.get(person.objectId)
    if (known !== undefined) return known
    const members = () => roster.people().length
    const client = createClient({ person, messages, members, activities, delivery, invoke, now, onChange: changed })
    clients.set(person.objectId, client)
    return client
  }

  function messageFor(person: TeamsPerson, activityId: string): Message {
    const message = messages.get(activityId)
    const foreign = message?.postedIn.kind === 'personal' && message.postedIn.owner !== person.objectId
    if (message === undefined || message.deleted || foreign) {
      throw new Error(`${person.name} sees no message ${activityId}.`)
    }
    return message
  }

  async function openConversation(person: TeamsPerson, where: Where): Promise<void> {
    await (where === 'personal' ? apps.open(person) : apps.openTeam(person))
  }

  async function say(person: TeamsPerson, text: string, where: Where, thread?: string): Promise<SentMessage> {
    await openConversation(person, where)
    if (where === 'personal' && apps.state(person) !== 'installed') {
      throw new Error(`${person.name} cannot write to ${roster.botName}: the app is ${apps.state(person)}.`)
    }
    const target: Target = where === 'personal' ? { kind: 'personal', owner: person } : threadTarget(thread)
    const message = messages.add(target, person.objectId, { text, format: 'plain', alert: false })
    const root = message.postedIn.kind === 'channel' ? message.postedIn.root : undefined
    if (where === 'channel' && !text.includes(mentionOf(roster))) {
      return { id: message.id, thread: root, status: undefined }
    }
    const conversation = where === 'personal' ? person.personalChatId : `${roster.channel.id};messageid=${root}`
    const facts = { conversation, activityId: message.id, person: person.objectId }
    const { status } = await delivery.deliver(activities.message(message, person), { facts })
    return { id: message.id, thread: root, status }
  }

  function threadTarget(thread: string | undefined): Target {
    return thread === undefined
      ? { kind: 'channel', root: undefined }
      : messages.resolve(`${roster.channel.id};messageid=${thread}`)
  }

  const page = createPage({ roster, messages, apps, activities, delivery, invoke, say, openConversation, messageFor })
  const connector = createConnector({
    roster,
    authority,
    messages,
    apps,
    limits: createLimits(now),
    faults,
    journal,
  })

  async function strike(part: Part, request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const fault = faults.take(part)
    if (fault === undefined) return false
    if (fault.kind === 'hold') {
      await fault.until
      return false
    }
    if (fault.kind === 'status') {
      const { status, message } = injected(fault.status)
      if (fault.retryAfterSeconds !== undefined) response.setHeader('retry-after', fault.retryAfterSeconds)
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ error: message }))
    } else request.socket.destroy()
    return true
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', origin)
    if (url.pathname.startsWith('/teams/v3/')) return connector(request, response, url)
    if (url.pathname.startsWith('/v1/.well-known/')) {
      if (await strike('keys', request, response)) return
      const body = url.pathname.endsWith('/keys') ? authority.publishedKeys() : authority.metadata(origin)
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
      return
    }
    return page.handle(request, response, url)
  }

  /** Answers as Entra: discovery and tokens for the bot. */
  async function handleLogin(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', loginUrl)
    const tokenTenant = /^\/([^/]+)\/oauth2\/v2\.0\/token$/.exec(pathname)?.[1]
    if (tokenTenant !== undefined && request.method === 'POST') {
      if (await strike('token', request, response)) return
      return authority.answerToken(request, response, tokenTenant)
    }
    const known = pathname === `/${tenantId}/v2.0/.well-known/openid-configuration`
    response.writeHead(known ? 200 : 404, { 'content-type': 'application/json' })
    response.end(JSON.stringify(known ? authority.discovery(loginUrl) : { error: 'invalid_tenant' }))
  }

  for (const [one, answer] of [
    [server, handle],
    [login, handleLogin],
  ] as const) {
    one.on('request', (request: IncomingMessage, response: ServerResponse) => {
      answer(request, response).catch((error: unknown) => {
        if (!response.headersSent) response.statusCode = 500
        response.end(`The sandbox's Teams failed: ${error instanceof Error ? error.stack : String(error)}`)
      })
    })
  }

  const person = roster.person
  return {
    appId,
    appPassword,
    tenantId,
    openIdMetadataUrl: `${origin}/v1/.well-known/openidconfiguration`,
    loginUrl,
    tokenUrl: `${loginUrl}/${tenantId}/oauth2/v2.0/token`,
    serviceUrl,
    roster,
    clock,
    journal,
    faults,
    pageUrl: (...people) => `${origin}/${people.length === 0 ? '' : `?people=${people.join(',')}`}`,
    connect: delivery.connect,
    expireBotTokens: authority.expireBotTokens,
    say(who, text, { where = 'personal', thread, mention = true } = {}) {
      const at = mentionOf(roster)
      const needsMention = where === 'channel' && mention && !text.includes(at)
      return say(person(who), needsMention ? `${at} ${text}` : text, where, thread)
    },
    conversation(who, where = 'personal') {
      const client = clientOf(person(who))
      const all = where === 'personal' ? messages.inPersonal(person(who).objectId) : messages.inChannel()
      return all.map(client.shown)
    },
    click: async (who, activityId, verbOrTitle, inputs = {}) =>
      clientOf(person(who)).click(messageFor(person(who), activityId), verbOrTitle, inputs),
    invoke: async (who, activityId, { verb, data = {} }, trigger = 'manual') =>
      clientOf(person(who)).execute(
        messageFor(person(who), activityId),
        { type: 'Action.Execute', verb, data: { ...data } },
        trigger,
      ),
    async open(who, where) {
      for (const kind of where === undefined ? (['personal', 'channel'] as const) : [where]) {
        await openConversation(person(who), kind)
        await clientOf(person(who)).watch(kind)
      }
    },
    close: (who) => clientOf(person(who)).unwatch(),
    install: (who) => apps.install(person(who)),
    uninstall: (who) => apps.uninstall(person(who)),
    block: (who) => apps.block(person(who)),
    unblock: (who) => apps.unblock(person(who)),
    appState: (who) => apps.state(person(who)),
    authorization: async (url = serviceUrl, algorithm = 'RS256') =>
      `Bearer ${await authority.connectorToken(url, algorithm)}`,
    deliver: (activity, token) => delivery.deliver(activity, token === undefined ? {} : { token }),
    activity(who, text, where = 'personal') {
      const id = String(now())
      const from = person(who)
      const postedIn =
        where === 'personal'
          ? ({ kind: 'personal', owner: from.objectId } as const)
          : ({ kind: 'channel', root: id } as const)
      const written = where === 'channel' ? `${mentionOf(roster)} ${text}` : text
      return activities.message(
        {
          id,
          postedIn,
          from: from.objectId,
          text: written,
          format: 'plain',
          alert: false,
          at: now(),
          edited: false,
          deleted: false,
          version: 1,
        },
        from,
      )
    },
    waitFor(read, signal) {
      return new Promise((resolve, reject) => {
        const attempt = () => {
          try {
            const found = read()
            if (found === undefined || found === null || found === false) return
            watchers.delete(attempt)
            resolve(found)
          } catch (error) {
            watchers.delete(attempt)
            reject(error)
          }
        }
        watchers.add(attempt)
        signal?.addEventListener('abort', () => {
          watchers.delete(attempt)
          reject(signal.reason)
        })
        attempt()
      })
    },
    settled: delivery.settled,
    async stop() {
      page.close()
      await Promise.all([listening.stop(), loginListening.stop()])
    },
  }
}

export type { Activity, Card, Clicked, Outcome, ShownMessage }
