import type { Logger } from 'pino'
import { fewAtOnce } from './access-requests/request-limits.ts'
import { consoleSignIn } from './aws/console-sign-in.ts'
import { awsDriver } from './aws/driver.ts'
import type { Part } from './aws/hub-role.ts'
import { objectLinks } from './aws/presigned-url.ts'
import type { Config, Setup } from './config.ts'
import { bearerVerifier, DELEGATED_SCOPE } from './entra/verify-bearer.ts'
import { makeCredentialsCache } from './grants/credentials/credentials-cache.ts'
import { eligibilityCache } from './grants/credentials/eligibility-cache.ts'
import { graphDirectory } from './graph/directory.ts'
import { graphMailer } from './graph/mailer.ts'
import type { ApiDeps } from './http/api-routes.ts'
import type { ConnectorFacts, TokenFacts } from './http/authentication-self-test.ts'
import type { CloudTrailDeps } from './http/cloudtrail-route.ts'
import type { SignInPlace } from './http/openapi.ts'
import { latchkeyBot } from './interactions/bot.ts'
import { formCounter } from './interactions/form-limit.ts'
import type { Mailer, MessageSender } from './messages/message-sender.ts'
import type { FeedDriftCheck } from './oversight/feed.ts'
import type { PagesDeps } from './pages/pages-deps.ts'
import { redisInbox } from './redis/cloudtrail-inbox.ts'
import type { Connection } from './redis/connections.ts'
import { redisFeed } from './redis/feed.ts'
import { redisRecord } from './redis/redis-record-store.ts'
import { redisWriteSummaries } from './redis/write-summaries.ts'
import { CONNECTOR_ISSUER } from './signing-keys/connector-keys.ts'
import { issuerOf } from './signing-keys/entra-keys.ts'
import type { RecordPort } from './store/record-store.ts'
import type { MessagesDeps } from './teams/messages-route.ts'
import { teamsMessageSender } from './teams/teams-message-sender.ts'
import { connectorVerifier } from './teams/verify-connector-token.ts'

/**
 * The only file that joins the ports with the vendors. It holds no logic.
 * A module that loads slowly and that only one part needs is imported inside the function that opens it.
 */

/** The ports and values that both parts give to their use cases. */
export function joinEdges({ config, rules }: Setup, part: Part, redis: Connection, log: Logger): ApiDeps {
  const { entra, graphBaseUrl, approvalKey, publicUrl, awsSignInUrl } = config
  const { authority, tenantId, clientId, clientSecret } = entra
  return {
    record: redisRecord(redis),
    isFeedProven: async (bucket) => (await redisFeed(redis).proven()).has(bucket),
    writeSummaries: redisWriteSummaries(redis),
    directory: graphDirectory({ authority, tenantId, clientId, clientSecret, graphBaseUrl, log }),
    driver: awsDriver({ ...rules, part, log }),
    rules,
    approvalKey,
    eligibilityCache: eligibilityCache(),
    credentialsCache: makeCredentialsCache(),
    amongFew: fewAtOnce(),
    consoleLinks: consoleSignIn({ url: awsSignInUrl, issuer: publicUrl, buckets: rules.buckets, log }),
    objectLinks: objectLinks({ buckets: rules.buckets }),
  }
}

/**
 * Opens what `POST /api/cloudtrail` needs: the accepted keys, the inbox that stores records, and the feed that notes
 * the self-test.
 */
export function openInbox(
  { cloudTrailKeys }: Config,
  redis: Connection,
): Pick<CloudTrailDeps, 'inbox' | 'feed' | 'keys'> {
  return { inbox: redisInbox(redis), feed: redisFeed(redis), keys: cloudTrailKeys }
}

/** Workers run it while grants are live: it compares the wiring of the feed in AWS with what setup makes. */
export async function openFeedDriftCheck(
  { config, rules }: Setup,
  record: RecordPort,
  log: Logger,
): Promise<FeedDriftCheck> {
  const { feedDriftCheck } = await import('./aws/feed/check-drift.ts')
  return feedDriftCheck({ rules, publicUrl: config.publicUrl, region: config.awsRegion, record, log })
}

export function openBearerVerifier({ entra }: Config, log: Logger): ReturnType<typeof bearerVerifier> {
  const { authority, tenantId, clientId, cliClientId, mfaContext } = entra
  return bearerVerifier({ authority, tenantId, audience: clientId, clientIds: [cliClientId], mfaContext, log })
}

export function signInPlace({ entra }: Config): SignInPlace {
  return {
    openIdConnectUrl: `${issuerOf(entra.authority, entra.tenantId)}/.well-known/openid-configuration`,
    clientId: entra.cliClientId,
    scope: `api://${entra.clientId}/${DELEGATED_SCOPE}`,
    mfaContext: entra.mfaContext,
  }
}

export function tokenFacts({ entra }: Config): TokenFacts {
  return {
    issuer: issuerOf(entra.authority, entra.tenantId),
    audience: entra.clientId,
    tenantId: entra.tenantId,
    clientId: entra.cliClientId,
    scope: DELEGATED_SCOPE,
  }
}

/** Opens what `POST /api/messages` needs: the verifier of its callers, and the bot that answers. */
export async function openBot(
  { bot: settings, entra, publicUrl }: Config,
  deps: ApiDeps,
  log: Logger,
): Promise<Omit<MessagesDeps, 'metrics'>> {
  const { teamsAdapter } = await import('./teams/adapter.ts')
  const bot = latchkeyBot({ ...deps, publicUrl, countForm: formCounter() })
  return {
    verify: connectorVerifier(settings),
    adapter: await teamsAdapter({ settings, bot, log }),
    appId: settings.appId,
    tenantId: entra.tenantId,
    serviceUrls: settings.serviceUrls,
  }
}

export function connectorFacts({ bot }: Config): ConnectorFacts {
  return { issuer: CONNECTOR_ISSUER, audience: bot.appId, serviceUrl: bot.serviceUrls[0] ?? '' }
}

/** Opens what the pages need: the sign-in with Entra, and the secrets that seal its cookies. */
export async function openPages(
  { entra, publicUrl, secrets }: Config,
  log: Logger,
): Promise<Pick<PagesDeps, 'publicUrl' | 'secrets' | 'clientId' | 'signIn'>> {
  const { entraSignIn } = await import('./entra/sign-in.ts')
  const { authority, tenantId, clientId, clientSecret, mfaContext } = entra
  const redirectUri = `${publicUrl}/sign-in/callback`
  const signIn = entraSignIn({ authority, tenantId, clientId, clientSecret, mfaContext, redirectUri, log })
  return { publicUrl, secrets, clientId, signIn }
}

/** Sends and edits cards in Teams. */
export function openMessageSender({ bot: settings, entra }: Config, log: Logger): MessageSender {
  return teamsMessageSender({ settings, tenantId: entra.tenantId, log })
}

/** Undefined without MAIL_SENDER: approvers are then asked in Teams only. */
export function openMailer({ mailSender, entra, graphBaseUrl }: Config, log: Logger): Mailer | undefined {
  if (mailSender === undefined) {
    log.warn('MAIL_SENDER is not set: no mail is sent')
    return undefined
  }
  const { authority, tenantId, clientId, clientSecret } = entra
  return graphMailer({ authority, tenantId, clientId, clientSecret, graphBaseUrl, sender: mailSender, log })
}
