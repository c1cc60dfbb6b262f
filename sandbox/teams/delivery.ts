import type { Activity } from './activities.ts'
import type { Authority } from './authority.ts'
import type { Journal, TeamsCall } from './journal.ts'
import { type WrongBotToken, wrongHeader } from './wrong-tokens.ts'

/** Azure Bot Service times out after this; "Conduct long-running operations" says 10 to 15 seconds. */
const MESSAGE_TIMEOUT_MS = 15_000

export type Delivered =
  | { readonly status: number; readonly body: unknown }
  | { readonly status: 'timed out' | 'unreachable'; readonly body: undefined }

interface DeliverOptions {
  readonly facts?: Partial<Pick<TeamsCall, 'conversation' | 'activityId' | 'person' | 'verb' | 'trigger' | 'attempt'>>
  readonly timeoutMs?: number
  readonly token?: WrongBotToken
}

export interface Delivery {
  /** Sets the bot's messaging endpoint, as its registration does. */
  connect(endpoint: string): void
  deliver(activity: Activity, options?: DeliverOptions): Promise<Delivered>
  /** Resolves when no delivery to the bot is in progress. */
  settled(): Promise<void>
}

export function createDelivery(setup: {
  readonly authority: Authority
  readonly serviceUrl: string
  readonly journal: Journal
  readonly endpoint: string | undefined
}): Delivery {
  const { authority, serviceUrl, journal } = setup
  const underWay = new Set<Promise<unknown>>()
  let endpoint = setup.endpoint

  async function post(activity: Activity, options: DeliverOptions): Promise<Delivered> {
    if (endpoint === undefined) return { status: 'unreachable', body: undefined }
    const header =
      options.token === undefined
        ? `Bearer ${await authority.connectorToken(serviceUrl)}`
        : await wrongHeader(options.token, authority.connectorClaims(serviceUrl), authority.keys)
    const signal = AbortSignal.timeout(options.timeoutMs ?? MESSAGE_TIMEOUT_MS)
    try {
      const response = await fetch(endpoint, {
        method: 'POST',
        headers: {
          'content-type': 'application/json; charset=utf-8',
          'user-agent': 'Microsoft-SkypeBotApi (Microsoft-BotFramework/3.0)',
          ...(header === undefined ? {} : { authorization: header }),
        },
        body: JSON.stringify(activity),
        signal,
      })
      return { status: response.status, body: parsed(await response.text()) }
    } catch {
      return { status: signal.aborted ? 'timed out' : 'unreachable', body: undefined }
    }
  }

  async function deliver(activity: Activity, options: DeliverOptions): Promise<Delivered> {
    const delivered = await post(activity, options)
    const name = typeof activity.name === 'string' ? ` ${activity.name}` : ''
    journal.append({ from: 'teams', what: `${activity.type}${name}`, ...options.facts, status: delivered.status })
    return delivered
  }

  return {
    connect(address) {
      endpoint = address
    },
    deliver(activity, options = {}) {
      const promise = deliver(activity, options)
      underWay.add(promise)
      return promise.finally(() => underWay.delete(promise))
    },
    async settled() {
      while (underWay.size > 0) await Promise.all(underWay)
    },
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
