import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import {
  type Activity,
  CardFactory,
  CloudAdapter,
  ConfigurationBotFrameworkAuthentication,
  type ConversationReference,
  MessageFactory,
  TurnContext,
} from 'botbuilder'
import { z } from 'zod'
import type { Card, SandboxTeams } from './index.ts'

/** A small bot on Microsoft's SDK with authentication on. The tests use the sandbox's Teams through it, so that the SDK decides what is sent. */
export interface EchoBot {
  readonly endpoint: string
  /** The activities that passed authentication. */
  readonly activities: readonly Partial<Activity>[]
  reference(conversationId: string): Partial<ConversationReference>
  within<T>(conversationId: string, act: (context: TurnContext) => Promise<T>): Promise<T>
  /** Creates a conversation and returns its id. */
  create(parameters: object): Promise<string>
  stop(): Promise<void>
}

const tokenSchema = z.object({ access_token: z.string() })

export function cardMessage(card: Card): Partial<Activity> {
  return MessageFactory.attachment(CardFactory.adaptiveCard(card))
}

export async function startEchoBot(
  teams: SandboxTeams,
  onTurn: (context: TurnContext) => Promise<void>,
  appPassword = teams.appPassword,
): Promise<EchoBot> {
  const adapter = new CloudAdapter(authentication(teams, appPassword))
  const activities: Partial<Activity>[] = []

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = z.record(z.string(), z.unknown()).parse(await json(request))
    const { method = '', headers } = request
    await adapter.process({ method, headers, body }, expressLike(response), async (context) => {
      activities.push(context.activity)
      await onTurn(context)
    })
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The bot is not listening on a port.')
  const endpoint = `http://127.0.0.1:${address.port}/api/messages`
  teams.connect(endpoint)

  const reference = (conversationId: string): Partial<ConversationReference> => ({
    channelId: 'msteams',
    serviceUrl: teams.serviceUrl,
    bot: { id: teams.roster.botId, name: teams.roster.botName },
    conversation: { id: conversationId, isGroup: false, conversationType: '', name: '', tenantId: teams.tenantId },
  })

  return {
    endpoint,
    activities,
    reference,
    async within(conversationId, act) {
      const results: Awaited<ReturnType<typeof act>>[] = []
      await adapter.continueConversationAsync(teams.appId, reference(conversationId), async (context) => {
        results.push(await act(context))
      })
      const [result] = results
      if (results.length === 0) throw new Error('The SDK did not run the turn.')
      return result as Awaited<ReturnType<typeof act>>
    },
    async create(parameters) {
      let id = ''
      const whole = { isGroup: false, bot: { id: teams.roster.botId, name: teams.roster.botName }, ...parameters }
      // The SDK fills in what the service needs, but its types require every field.
      const typed = whole as Parameters<CloudAdapter['createConversationAsync']>[4]
      const { appId, serviceUrl } = teams
      await adapter.createConversationAsync(appId, 'msteams', serviceUrl, '', typed, async (context) => {
        id = TurnContext.getConversationReference(context.activity).conversation?.id ?? ''
      })
      return id
    },
    async stop() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

/** If one of these is set, the SDK takes no defaults for the others. */
function authentication(teams: SandboxTeams, appPassword: string): ConfigurationBotFrameworkAuthentication {
  const { appId, openIdMetadataUrl } = teams
  let token: Promise<string> | undefined
  return new ConfigurationBotFrameworkAuthentication(
    {
      MicrosoftAppType: 'SingleTenant',
      MicrosoftAppId: appId,
      MicrosoftAppPassword: appPassword,
      MicrosoftAppTenantId: teams.tenantId,
      ToBotFromChannelTokenIssuer: 'https://api.botframework.com',
      ToBotFromChannelOpenIdMetadataUrl: openIdMetadataUrl,
      ToBotFromEmulatorOpenIdMetadataUrl: openIdMetadataUrl,
      ToChannelFromBotLoginUrl: teams.loginUrl,
      ToChannelFromBotOAuthScope: 'https://api.botframework.com',
      OAuthUrl: 'https://api.botframework.com',
      CallerId: '',
      ValidateAuthority: 'false',
    },
    {
      isValidAppId: async (id: string) => id === appId,
      isAuthenticationDisabled: async () => false,
      createCredentials: async () => ({
        async signRequest(request) {
          token ??= botToken(teams, appPassword)
          request.headers.set('authorization', `Bearer ${await token}`)
          return request
        },
      }),
    },
  )
}

/** The SDK's own credentials ask login.microsoftonline.com for the known authorities and accept no other. */
async function botToken(teams: SandboxTeams, appPassword: string): Promise<string> {
  const form = {
    grant_type: 'client_credentials',
    client_id: teams.appId,
    client_secret: appPassword,
    scope: 'https://api.botframework.com/.default',
  }
  const response = await fetch(teams.tokenUrl, { method: 'POST', body: new URLSearchParams(form) })
  if (!response.ok) throw new Error(`No token: ${response.status} ${await response.text()}`)
  return tokenSchema.parse(await response.json()).access_token
}

/** The SDK writes its reply through an express-like response. */
function expressLike(response: ServerResponse) {
  const like = {
    socket: response.socket,
    status(code: number) {
      response.statusCode = code
      return like
    },
    header(name: string, value: unknown) {
      response.setHeader(name, String(value))
      return like
    },
    send(body: unknown) {
      if (typeof body === 'object') response.setHeader('content-type', 'application/json')
      response.end(typeof body === 'object' ? JSON.stringify(body) : String(body))
      return like
    },
    end() {
      if (!response.writableEnded) response.end()
      return like
    },
  }
  return like
}
