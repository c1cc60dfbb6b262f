import { createRemoteJWKSet, customFetch, errors, type RemoteJWKSet } from 'jose'
import { z } from 'zod'
import { remember } from '../async.ts'
import { pauseAfterFailure } from './pause.ts'

const FETCH_TIMEOUT_MS = 3_000
/** A key is published long before it signs; an unknown key id asks again anyway, at most once in the cool-down. */
const KEYS_CACHE_MS = 60 * 60_000
const UNKNOWN_KEY_COOLDOWN_MS = 30_000

/** Who signs tokens, and where it says which keys it signs with. */
export interface Authority {
  /** For the log. */
  readonly name: string
  readonly issuer: string
  /** OpenID Connect Discovery. */
  readonly metadataUrl: string
}

type Ask = (url: string, init: RequestInit) => Promise<Response>

const metadataSchema = z.object({ issuer: z.string(), jwks_uri: z.url() })

/**
 * The present keys of an authority, for `read` to look one up. A fault of the token is thrown as jose's own error. Where the keys cannot be had, a
 * token is neither good nor bad: what `unavailable` makes is thrown.
 */
export function discoverKeys(authority: Authority, unavailable: (cause: unknown) => Error) {
  const pause = pauseAfterFailure(authority.name)
  const remoteKeys = remember(() => discover(authority, ask))

  async function ask(url: string, init: RequestInit): Promise<Response> {
    pause.check()
    return await fetch(url, init)
  }

  return async function withKeys<T>(read: (keys: RemoteJWKSet) => Promise<T>): Promise<T> {
    try {
      return await read(await remoteKeys())
    } catch (error) {
      if (isTokensFault(error)) throw error
      pause.failed(error)
      throw unavailable(error)
    }
  }
}

async function discover({ name, issuer, metadataUrl }: Authority, ask: Ask): Promise<RemoteJWKSet> {
  const response = await ask(metadataUrl, { redirect: 'error', signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) })
  if (!response.ok) throw new Error(`The metadata of ${name} answered ${response.status}`)
  const metadata = metadataSchema.parse(await response.json())
  const keysUrl = new URL(metadata.jwks_uri)
  if (metadata.issuer !== issuer) throw new Error(`The metadata of ${name} names another issuer`)
  if (keysUrl.origin !== new URL(metadataUrl).origin) throw new Error(`${name} keeps its keys elsewhere`)
  return createRemoteJWKSet(keysUrl, {
    timeoutDuration: FETCH_TIMEOUT_MS,
    cacheMaxAge: KEYS_CACHE_MS,
    cooldownDuration: UNKNOWN_KEY_COOLDOWN_MS,
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
