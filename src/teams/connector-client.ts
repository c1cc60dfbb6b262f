import type { ConfigurationBotFrameworkAuthentication } from 'botbuilder'
import { z } from 'zod'
import { isServiceUrl } from './bot-settings.ts'
import type { ConnectorCredentials } from './credentials.ts'

/**
 * Calls Bot Connector: each call once, with a timeout, and only at the service URLs. The SDK's own client repeats a
 * POST, waits as long as `Retry-After` says, and has no timeout.
 */

const ANSWER_TIMEOUT_MS = 8_000

type ClientOptions = NonNullable<ConstructorParameters<typeof ConfigurationBotFrameworkAuthentication>[4]>
type HttpClient = NonNullable<ClientOptions['httpClient']>
type ConnectorRequest = Parameters<HttpClient['sendRequest']>[0]
type ConnectorAnswer = Awaited<ReturnType<HttpClient['sendRequest']>>

/** An error answer of Bot Connector, by status and code. Its text is left out, since it may hold what was sent. */
export class ConnectorRefusal extends Error {
  override readonly name = 'ConnectorRefusal'
  readonly status: number
  readonly code: string
  /** The wait that `Retry-After` asks for. Undefined: it asks for none. */
  readonly waitMs: number | undefined

  constructor(status: number, code: string, waitMs: number | undefined) {
    super(`Bot Connector answered ${status} (${code}).`)
    this.status = status
    this.code = code
    this.waitMs = waitMs
  }
}

/** No answer came: it is not known whether the call was carried out. */
export class ConnectorSilence extends Error {
  override readonly name = 'ConnectorSilence'
}

const refusal = z.object({ error: z.object({ code: z.string().max(100) }) })

/** The part of a call that the SDK's requests and ours have in common. */
export interface ConnectorCall {
  readonly url: string
  readonly method: string
  readonly body?: string
  readonly headers: { set(name: string, value: string): void; rawHeaders(): Record<string, string> }
}

interface Received {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/**
 * Sends a signed call. Refusals are thrown, because the SDK does not repeat a call that threw.
 * @throws ConnectorRefusal, ConnectorSilence, and NoToken when a new token cannot be had
 */
export type SendCall = (call: ConnectorCall) => Promise<Received>

export function connectorSender(
  credentials: ConnectorCredentials,
  serviceUrls: readonly string[],
  timeoutMs = ANSWER_TIMEOUT_MS,
): SendCall {
  async function ask({ url, method, body, headers }: ConnectorCall): Promise<Response> {
    const signal = AbortSignal.timeout(timeoutMs)
    try {
      return await fetch(url, { method, headers: headers.rawHeaders(), body: body ?? null, signal, redirect: 'error' })
    } catch (error) {
      throw new ConnectorSilence('Bot Connector gave no answer.', { cause: error })
    }
  }

  return async (call) => {
    if (!isServiceUrl(call.url, serviceUrls)) throw new Error('The bot calls nobody but Teams: BOT_SERVICE_URLS.')
    const first = await ask(call)
    if (first.status !== 401) return await readAnswer(first)
    // 401: nothing was done. The token may have become invalid before its time, so the call is sent once more with a
    // new one.
    credentials.forget()
    return await readAnswer(await ask(await credentials.signRequest(call)))
  }
}

async function readAnswer(response: Response): Promise<Received> {
  const { status, headers } = response
  const text = await response.text().catch((error: unknown) => {
    throw new ConnectorSilence('The answer of Bot Connector broke off.', { cause: error })
  })
  if (status >= 400) throw new ConnectorRefusal(status, codeOf(text), waitOf(headers.get('retry-after')))
  return { status, headers, text }
}

/** The HTTP client for the SDK, which sends its calls with `send`. */
export function connectorClient(send: SendCall): HttpClient {
  return {
    async sendRequest(request: ConnectorRequest): Promise<ConnectorAnswer> {
      const taken = await send(request)
      const headers = request.headers.clone()
      for (const name of headers.headerNames()) headers.remove(name)
      taken.headers.forEach((value, name) => {
        headers.set(name, value)
      })
      return { request, status: taken.status, headers, bodyAsText: taken.text }
    },
  }
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
