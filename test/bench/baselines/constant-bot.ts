import { fastify } from 'fastify'
import { readSetup } from '../../../src/config.ts'
import { teamsAdapter } from '../../../src/teams/adapter.ts'
import type { Bot } from '../../../src/teams/bot.ts'
import { messagesRoute } from '../../../src/teams/messages-route.ts'
import { connectorVerifier } from '../../../src/teams/verify-connector-token.ts'

/** The door that Latchkey has, and behind it a bot that knows one answer: the same token check, the same adapter, no record, no directory. */
const { config } = readSetup(process.env, 'web')
const { bot: settings } = config
const card = JSON.parse(process.env.CARD ?? '{}')

const bot: Bot = {
  said: (turn) => turn.reply({ card, summary: 'constant' }),
  acted: async () => ({ card }),
  installed: async () => undefined,
}

const log = { warn: () => undefined, error: (data: object, message: string) => console.error(message, data) }
const app = fastify()
messagesRoute(app, {
  verify: connectorVerifier(settings),
  adapter: await teamsAdapter({ settings, tenantId: config.entra.tenantId, bot, log }),
  tenantId: config.entra.tenantId,
  serviceUrls: settings.serviceUrls,
  metrics: { refusedUnknown: () => undefined },
})

await app.listen({ port: config.port, host: '127.0.0.1' })
process.send?.('ready')
process.on('SIGTERM', () => process.exit(0))
