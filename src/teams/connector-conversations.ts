import { z } from 'zod'
import type { BotSettings } from './bot-settings.ts'
import { connectorSender } from './connector-client.ts'
import { type ConnectorCredentials, connectorCredentials } from './credentials.ts'

/**
 * The three calls of Bot Connector that the workers need ("Bot Connector API reference", Conversation operations). The
 * SDK is not used: it takes a third of a second to load, and adds nothing to these calls.
 */
export interface ConnectorConversations {
  /** @returns the id of the conversation, if Teams names one */
  create(serviceUrl: string, parameters: object): Promise<string | undefined>
  /**
   * @param activity the answer to send; `replyToId` is the id of the activity that it answers
   * @returns the id of the message, if Teams names one
   */
  reply(
    serviceUrl: string,
    conversationId: string,
    activity: { readonly replyToId: string },
  ): Promise<string | undefined>
  update(serviceUrl: string, conversationId: string, activity: { readonly id: string }): Promise<void>
}

const made = z.object({ id: z.string().min(1) })

export function connectorConversations(settings: BotSettings): ConnectorConversations {
  const credentials = connectorCredentials(settings)
  const send = connectorSender(credentials, settings.serviceUrls)

  async function call(method: 'POST' | 'PUT', serviceUrl: string, path: readonly string[], body: object) {
    const base = serviceUrl.endsWith('/') ? serviceUrl : `${serviceUrl}/`
    const url = `${base}v3/conversations${path.map((part) => `/${encodeURIComponent(part)}`).join('')}`
    const signed = await sign(credentials, { url, method, body: JSON.stringify(body) })
    return (await send(signed)).text
  }

  return {
    create: async (serviceUrl, parameters) => idOf(await call('POST', serviceUrl, [], parameters)),
    reply: async (serviceUrl, conversationId, activity) =>
      idOf(await call('POST', serviceUrl, [conversationId, 'activities', activity.replyToId], activity)),
    async update(serviceUrl, conversationId, activity) {
      await call('PUT', serviceUrl, [conversationId, 'activities', activity.id], activity)
    },
  }
}

async function sign(
  credentials: ConnectorCredentials,
  call: { readonly url: string; readonly method: string; readonly body: string },
) {
  const values = new Map([
    ['content-type', 'application/json; charset=utf-8'],
    ['accept', '*/*'],
    ['user-agent', 'Microsoft-BotFramework/3.1 Latchkey'],
  ])
  const headers = {
    set: (name: string, value: string) => void values.set(name, value),
    rawHeaders: () => Object.fromEntries(values),
  }
  return await credentials.signRequest({ ...call, headers })
}

function idOf(text: string): string | undefined {
  try {
    return made.safeParse(JSON.parse(text)).data?.id
  } catch {
    return undefined
  }
}
