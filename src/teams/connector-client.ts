import type { ConfigurationBotFrameworkAuthentication } from 'botbuilder'
import { z } from 'zod'
import type { ConnectorCredentials } from './credentials.ts'
import { isServiceUrl } from './settings.ts'

/** How the SDK talks to Bot Connector: once, with an end, and nowhere else. Its own way repeats a POST, waits as long as it is told and for ever. */

const ANSWER_TIMEOUT_MS = 8_000

type ClientOptions = NonNullable<ConstructorParameters<typeof ConfigurationBotFrameworkAuthentication>[4]>
type HttpClient = NonNullable<ClientOptions['httpClient']>
type ConnectorRequest = Parameters<HttpClient['sendRequest']>[0]
type ConnectorAnswer = Awaited<ReturnType<HttpClient['sendRequest']>>

/** What Bot Connector answered, by its status and code: its text may hold what was sent. */
export class ConnectorRefusal extends Error {
  override readonly name = 'ConnectorRefusal'
  readonly status: number
  readonly code: string
  /** Undefined: it did not say. */
  readonly waitMs: number | undefined

  constructor(status: number, code: string, waitMs: number | undefined) {
    super(`Bot Connector answered ${status} (${code}).`)
    this.status = status
    this.code = code
    this.waitMs = waitMs
  }
}

/** No answer came: nobody knows whether it was done. */
export class ConnectorSilence extends Error {
  override readonly name = 'ConnectorSilence'
}

const refusal = z.object({ error: z.object({ code: z.string().max(100) }) })

export function connectorClient(
  credentials: ConnectorCredentials,
  serviceUrls: readonly string[],
  timeoutMs = ANSWER_TIMEOUT_MS,
): HttpClient {
  async function ask(request: ConnectorRequest): Promise<Response> {
    const signal = AbortSignal.timeout(timeoutMs)
    const { url, method, body } = request
    try {
      return await fetch(url, { method, headers: request.headers.rawHeaders(), body, signal, redirect: 'error' })
    } catch (error) {
      throw new ConnectorSilence('Bot Connector gave no answer.', { cause: error })
    }
  }

  return {
    async sendRequest(request) {
      if (!isServiceUrl(request.url, serviceUrls)) throw new Error('The bot calls nobody but Teams: BOT_SERVICE_URLS.')
      const first = await ask(request)
      if (first.status !== 401) return await answerOf(request, first)
      // Refused before anything was done: a token that went bad before its time is replaced once.
      credentials.forget()
      return await answerOf(request, await ask(await credentials.signRequest(request)))
    },
  }
}

/** A thrown refusal is nothing that the SDK tries again. */
async function answerOf(request: ConnectorRequest, response: Response): Promise<ConnectorAnswer> {
  const text = await response.text().catch((error: unknown) => {
    throw new ConnectorSilence('The answer of Bot Connector broke off.', { cause: error })
  })
  if (response.status >= 400) {
    throw new ConnectorRefusal(response.status, codeOf(text), waitOf(response.headers.get('retry-after')))
  }
  const headers = request.headers.clone()
  for (const name of headers.headerNames()) headers.remove(name)
  response.headers.forEach((value, name) => {
    headers.set(name, value)
  })
  return { request, status: response.status, headers, bodyAsText: text }
}

function codeOf(text: string): string {
  try {
    return refusal.parse(JSON.parse(text)).error.code
  } catch {
    return 'unknown'
  }
}

/** Seconds, or a date ("Retry-After", RFC 9110). */
function waitOf(header: string | null): number | undefined {
  if (header === null) return undefined
  const milliseconds = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - Date.now()
  return Number.isNaN(milliseconds) ? undefined : Math.max(0, milliseconds)
}
