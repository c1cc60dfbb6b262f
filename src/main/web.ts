import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import type { Config, Setup } from '../config.ts'
import {
  connectorFacts,
  joinEdges,
  openBearerVerifier,
  openBot,
  openInbox,
  openPages,
  signInPlace,
  tokenFacts,
} from '../dependencies.ts'
import { LatchkeyError } from '../errors.ts'
import { apiRoutes } from '../http/api-routes.ts'
import { strangeKey, tryForgedActivities, tryForgedTokens } from '../http/authentication-self-test.ts'
import { cloudTrailRoute } from '../http/cloudtrail-route.ts'
import { healthRoutes } from '../http/health-routes.ts'
import { httpMetrics, measureReconciler, metricsRoute } from '../http/metrics.ts'
import { openApiRoute } from '../http/openapi.ts'
import { httpServer } from '../http/server.ts'
import { pages } from '../pages/pages.ts'
import type { Connection } from '../redis/connections.ts'
import type { RecordPort } from '../store/record-store.ts'
import { messagesRoute } from '../teams/messages-route.ts'
import type { Running } from './running.ts'

const RETRY_MS = 2_000
const MAX_SKEW_MS = 2_000

/** Start order: dependencies, routes, self-test, listen. Stop order: not ready, close the server, disconnect Redis. */
export async function startWeb({ config, rules }: Setup, redis: Connection, log: Logger): Promise<Running> {
  const deps = joinEdges({ config, rules }, 'web', redis, log)
  const state = { stopping: false }
  const app = httpServer({ log, publicUrl: config.publicUrl })
  const metrics = httpMetrics()
  measureReconciler(metrics, deps.record, rules.accounts)
  metricsRoute(app, metrics, config.metricsToken)
  healthRoutes(app, { findMissing: () => findMissing(deps.record, state) })
  openApiRoute(app, config.publicUrl, signInPlace(config))
  apiRoutes(app, deps, openBearerVerifier(config, log), metrics)
  cloudTrailRoute(app, { record: deps.record, metrics, ...openInbox(config, redis) })
  pages(app, { ...deps, metrics, ...(await openPages(config, log)) })
  messagesRoute(app, { metrics, ...(await openBot(config, deps, log)) })
  await app.ready()
  await testItself(app, config, log)
  await app.listen({ port: config.port, host: config.host })
  return {
    async stop() {
      state.stopping = true
      await app.close()
      await redis.quit()
    },
  }
}

async function findMissing(record: RecordPort, state: { readonly stopping: boolean }): Promise<string | undefined> {
  if (state.stopping) return 'It is being stopped.'
  try {
    const skewMs = Math.abs((await record.now()) - Date.now())
    return skewMs > MAX_SKEW_MS ? 'The clocks of this machine and of Redis differ.' : undefined
  } catch (error) {
    if (error instanceof LatchkeyError) return error.message
    throw error
  }
}

/**
 * Runs before the server listens: `/api/v1` and `/api/messages` must refuse each kind of forged token.
 * Waits while the signing keys of Entra or Bot Connector cannot be fetched (503).
 * @throws Error when a forged token was not refused
 */
async function testItself(app: FastifyInstance, config: Config, log: Logger): Promise<void> {
  const foreignKey = strangeKey()
  await untilRefused(
    () => tryForgedTokens(app, tokenFacts(config), foreignKey),
    () => log.warn('waiting for the signing keys of Entra; check ENTRA_AUTHORITY, ENTRA_TENANT_ID and the connection'),
  )
  await untilRefused(
    () => tryForgedActivities(app, connectorFacts(config), foreignKey),
    () => log.warn('waiting for the signing keys of Bot Connector; check BOT_OPENID_METADATA_URL and the connection'),
  )
}

async function untilRefused(tryAll: () => Promise<ReadonlyMap<string, number>>, warn: () => void): Promise<void> {
  for (;;) {
    const wrong = [...(await tryAll())].filter(([, status]) => status !== 401)
    if (wrong.length === 0) return
    if (!wrong.every(([, status]) => status === 503)) {
      throw new Error(`The self-test failed: ${wrong.map(([kind, status]) => `${kind} token: ${status}`).join(', ')}`)
    }
    warn()
    await delay(RETRY_MS)
  }
}
