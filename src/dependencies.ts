import { type Logger, pino } from 'pino'
import { sessionDriver } from './aws/session-driver.ts'
import type { Config, Setup } from './config.ts'
import { issuerOf } from './entra/signing-keys.ts'
import { bearerVerifier, DELEGATED_SCOPE } from './entra/verify-bearer.ts'
import { seenEligible } from './grants/seen-eligible.ts'
import { graphDirectory } from './graph/directory.ts'
import type { ApiNeeds } from './http/api.ts'
import type { CloudTrailNeeds } from './http/cloudtrail.ts'
import type { SignInPlace } from './http/openapi.ts'
import type { TokenFacts } from './http/self-test.ts'
import type { Connection } from './redis/connections.ts'
import { redisDigests } from './redis/digests.ts'
import { redisInbox } from './redis/inbox.ts'
import { redisRecord } from './redis/record.ts'

/** Joins the edges. No logic: what is here is said once, and only here. */

interface ErrorLine {
  readonly type: string
  readonly message: string
  readonly code?: unknown
  readonly stack?: string | undefined
  readonly cause?: ErrorLine
}

/** Named fields only: errors of SDKs carry requests, answers and arguments, and those hold secrets. */
function errorLine(error: unknown): ErrorLine {
  if (!(error instanceof Error)) return { type: typeof error, message: 'not an Error' }
  return {
    type: error.name,
    message: error.message,
    stack: error.stack,
    ...('code' in error ? { code: error.code } : {}),
    ...(error.cause === undefined ? {} : { cause: errorLine(error.cause) }),
  }
}

export function openLog({ logLevel }: Config, part: string): Logger {
  return pino({
    level: logLevel,
    base: { part },
    serializers: { err: errorLine, req: ({ id }: { id: string }) => ({ id }) },
    redact: ['authorization', '*.authorization', 'headers', '*.headers', 'body', '*.body'],
  })
}

export function joinEdges({ config, rules }: Setup, redis: Connection, log: Logger): ApiNeeds {
  const { entra, graphBaseUrl, approvalKey } = config
  const { authority, tenantId, clientId, clientSecret } = entra
  return {
    record: redisRecord(redis),
    digests: redisDigests(redis),
    directory: graphDirectory({ authority, tenantId, clientId, clientSecret, graphBaseUrl, log }),
    driver: sessionDriver({ accounts: rules.accounts, buckets: rules.buckets, log }),
    rules,
    approvalKey,
    seenEligible: seenEligible(),
  }
}

/** Where `POST /api/cloudtrail` puts what it accepts. */
export function openInbox({ cloudTrailKeys }: Config, redis: Connection): Pick<CloudTrailNeeds, 'inbox' | 'keys'> {
  return { inbox: redisInbox(redis), keys: cloudTrailKeys }
}

export function openBearerVerifier({ entra }: Config, log: Logger): ReturnType<typeof bearerVerifier> {
  const { authority, tenantId, clientId, cliClientId } = entra
  return bearerVerifier({ authority, tenantId, audience: clientId, clientIds: [cliClientId], log })
}

export function signInPlace({ entra }: Config): SignInPlace {
  return {
    openIdConnectUrl: `${issuerOf(entra.authority, entra.tenantId)}/.well-known/openid-configuration`,
    clientId: entra.cliClientId,
    scope: `api://${entra.clientId}/${DELEGATED_SCOPE}`,
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
