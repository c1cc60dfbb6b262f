import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from 'jose'
import { z } from 'zod'
import { LatchkeyError } from '../errors.ts'
import { pauseAfterFailure } from './pause.ts'

const FETCH_TIMEOUT_MILLISECONDS = 3_000
/** Entra publishes a key long before it signs with it; an unknown key id asks again anyway, at most once in the cool-down. */
const KEYS_CACHE_MILLISECONDS = 60 * 60_000
const UNKNOWN_KEY_COOLDOWN_MILLISECONDS = 30_000
const RETRY_AFTER_SECONDS = 5

type Ask = (url: string, init: RequestInit) => Promise<Response>

const discoverySchema = z.object({ issuer: z.string(), jwks_uri: z.url() })

/** The form that every v2 token of this one tenant carries: never `common`, never taken from the token. */
export function issuerOf(authority: string, tenantId: string): string {
  return `${new URL(authority).origin}/${tenantId}/v2.0`
}

/** The tenant's present signing keys. Throws UNAVAILABLE when they cannot be had: a token is then neither good nor bad. */
export function signingKeys(authority: string, tenantId: string): JWTVerifyGetKey {
  const issuer = issuerOf(authority, tenantId)
  const pause = pauseAfterFailure()
  let found: Promise<JWTVerifyGetKey> | undefined

  async function ask(url: string, init: RequestInit): Promise<Response> {
    pause.check()
    return await fetch(url, init)
  }

  /** Concurrent callers share one question; a success is remembered, a failure for a moment. */
  function remoteKeys(): Promise<JWTVerifyGetKey> {
    found ??= discover(issuer, ask).catch((error: unknown) => {
      found = undefined
      throw error
    })
    return found
  }

  return async function keyOf(header, token) {
    try {
      return await (await remoteKeys())(header, token)
    } catch (error) {
      if (isTokensFault(error)) throw error
      pause.failed(error)
      throw new LatchkeyError(
        'UNAVAILABLE',
        { what: 'the directory', retryAfterSeconds: RETRY_AFTER_SECONDS },
        { cause: error },
      )
    }
  }
}

async function discover(issuer: string, ask: Ask): Promise<JWTVerifyGetKey> {
  const response = await ask(`${issuer}/.well-known/openid-configuration`, {
    redirect: 'error',
    signal: AbortSignal.timeout(FETCH_TIMEOUT_MILLISECONDS),
  })
  if (!response.ok) throw new Error(`OpenID configuration answered ${response.status}`)
  const metadata = discoverySchema.parse(await response.json())
  const keysUrl = new URL(metadata.jwks_uri)
  if (metadata.issuer !== issuer) throw new Error('OpenID configuration names another issuer')
  if (keysUrl.origin !== new URL(issuer).origin) throw new Error('OpenID configuration keeps its keys elsewhere')
  return createRemoteJWKSet(keysUrl, {
    timeoutDuration: FETCH_TIMEOUT_MILLISECONDS,
    cacheMaxAge: KEYS_CACHE_MILLISECONDS,
    cooldownDuration: UNKNOWN_KEY_COOLDOWN_MILLISECONDS,
    [customFetch]: ask,
  })
}

/** The keys were there, and the token asks for one that is not among them. */
function isTokensFault(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  )
}
