import type { FastifyInstance } from 'fastify'
import { type Logger, pino } from 'pino'
import { httpMetrics } from '../../src/http/metrics.ts'
import { httpServer } from '../../src/http/server.ts'
import { type TeamsAdapter, teamsAdapter } from '../../src/teams/adapter.ts'
import type { Action, Answer, Bot, Turn } from '../../src/teams/bot.ts'
import { messagesRoute } from '../../src/teams/messages-route.ts'
import type { BotSettings } from '../../src/teams/settings.ts'
import { connectorVerifier } from '../../src/teams/verify-connector-token.ts'
import { type SandboxTeams, startTeams } from '../sandbox/teams/index.ts'

/** The real door and the real adapter, before a bot that only remembers. */

export type Heard =
  | { readonly kind: 'said'; readonly turn: Turn; readonly text: string }
  | { readonly kind: 'acted'; readonly turn: Turn; readonly action: Action }
  | { readonly kind: 'installed'; readonly turn: Turn }

/** What the bot does; each test sets its own. */
export interface Mind {
  said?: (turn: Turn, text: string) => Promise<void>
  acted?: (turn: Turn, action: Action) => Promise<Answer>
}

export interface DoorWorld {
  readonly app: FastifyInstance
  readonly teams: SandboxTeams
  /** What the door let through to the SDK, which would refuse some of it itself. */
  readonly passed: object[]
  readonly heard: Heard[]
  readonly mind: Mind
  readonly lines: string[]
  /** Refusals before anybody was known. */
  refused(): Promise<number>
  post(payload: string | object, headers?: Readonly<Record<string, string>>): Promise<Answered>
  stop(): Promise<void>
}

export interface Answered {
  readonly status: number
  readonly body: string
  readonly headers: Readonly<Record<string, unknown>>
}

export function settingsOf(teams: SandboxTeams): BotSettings {
  const { appId, appPassword, tenantId, openIdMetadataUrl, loginUrl, serviceUrl } = teams
  return {
    appId,
    appPassword,
    appType: 'SingleTenant',
    tenantId,
    openIdMetadataUrl,
    loginUrl,
    serviceUrls: [serviceUrl],
  }
}

/** Answers what it is told to, and keeps what it heard. */
function rememberingBot(heard: Heard[], mind: Mind): Bot {
  return {
    async said(turn, text) {
      heard.push({ kind: 'said', turn, text })
      await mind.said?.(turn, text)
    },
    async acted(turn, action) {
      heard.push({ kind: 'acted', turn, action })
      return (await mind.acted?.(turn, action)) ?? { message: 'noted' }
    },
    async installed(turn) {
      heard.push({ kind: 'installed', turn })
    },
  }
}

export function keptLog(lines: string[]): Logger {
  return pino({ level: 'info' }, { write: (line: string) => void lines.push(line) })
}

export async function openDoor(): Promise<DoorWorld> {
  let nowMs = Date.now()
  const clock = {
    now: () => nowMs,
    advance(ms: number) {
      nowMs += ms
    },
  }
  const teams = await startTeams({ clock, invokeTimeoutMs: 5_000 })
  const [heard, lines]: [Heard[], string[]] = [[], []]
  const mind: Mind = {}
  const log = keptLog(lines)
  const settings = settingsOf(teams)
  const { tenantId } = teams
  const metrics = httpMetrics()
  const app = httpServer({ log, publicUrl: 'http://127.0.0.1:3978' })
  const adapter = await teamsAdapter({ settings, tenantId, bot: rememberingBot(heard, mind), log })
  const { serviceUrls } = settings
  const passed: object[] = []
  const counted: TeamsAdapter = {
    process(authorization, body) {
      passed.push(body)
      return adapter.process(authorization, body)
    },
  }
  messagesRoute(app, { verify: connectorVerifier(settings), adapter: counted, tenantId, serviceUrls, metrics })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const address = app.server.address()
  if (address === null || typeof address === 'string') throw new Error('The door is not listening on a port.')
  teams.connect(`http://127.0.0.1:${address.port}/api/messages`)
  return {
    app,
    teams,
    passed,
    heard,
    mind,
    lines,
    refused: async () =>
      Number(/refused_before_authentication_total (\d+)/.exec(await metrics.registry.metrics())?.[1]),
    async post(payload, headers = {}) {
      const json = { 'content-type': 'application/json', ...headers }
      const sent = typeof payload === 'string' ? payload : JSON.stringify(payload)
      const answer = await app.inject({ method: 'POST', url: '/api/messages', headers: json, payload: sent })
      return { status: answer.statusCode, body: answer.body, headers: answer.headers }
    },
    async stop() {
      await teams.settled()
      await app.close()
      await teams.stop()
    },
  }
}
