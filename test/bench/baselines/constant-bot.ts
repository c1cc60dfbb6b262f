import { fastify } from 'fastify'
import { z } from 'zod'
import { readSetup } from '../../../src/config.ts'
import type { Bot, Interaction } from '../../../src/interactions/interaction.ts'
import { teamsAdapter } from '../../../src/teams/adapter.ts'
import { messagesRoute } from '../../../src/teams/messages-route.ts'
import { connectorVerifier } from '../../../src/teams/verify-connector-token.ts'

/** Latchkey's HTTP server, token check and adapter with a bot that has one answer for each person. It reads no record and asks no directory. */
const { config } = readSetup(process.env, 'web')
const { bot: settings } = config
/** The card of each person, by object id. */
const cards = z.record(z.string(), z.looseObject({})).parse(JSON.parse(process.env.CARDS ?? '{}'))
const cardOf = ({ caller }: Interaction) => cards[caller.objectId] ?? {}

const bot: Bot = {
  onMessage: (interaction) => interaction.reply({ card: cardOf(interaction), summary: 'constant' }),
  onClick: async (interaction) => ({ card: cardOf(interaction) }),
  onInstalled: async () => undefined,
}

const log = { info: () => undefined, error: (data: object, message: string) => console.error(message, data) }
const app = fastify()
messagesRoute(app, {
  verify: connectorVerifier(settings),
  adapter: await teamsAdapter({ settings, bot, log }),
  appId: settings.appId,
  tenantId: config.entra.tenantId,
  serviceUrls: settings.serviceUrls,
  metrics: { refusedUnknown: () => undefined },
})

await app.listen({ port: config.port, host: '127.0.0.1' })
process.send?.('ready')
process.on('SIGTERM', () => process.exit(0))
