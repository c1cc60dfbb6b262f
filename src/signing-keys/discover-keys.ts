import { createRemoteJWKSet, customFetch, errors, type RemoteJWKSet } from 'jose'
import { z } from 'zod'
import { remember } from '../async.ts'
import { pauseAfterFailure } from './pause-after-failure.ts'

const FETCH_TIMEOUT_MS = 3_000
/** A key is published long before it signs. An unknown key id reads the keys again, at most once in the cool-down. */
const KEYS_CACHE_MS = 60 * 60_000
const UNKNOWN_KEY_COOLDOWN_MS = 30_000

/** An issuer of tokens, and where it publishes its keys. */
export interface Authority {
  /** The authority's name in the log. */
  readonly name: string
  readonly issuer: string
  /** The metadata document of OpenID Connect Discovery. */
  readonly metadataUrl: string
}

type Ask = (url: string, init: RequestInit) => Promise<Response>

const metadataSchema = z.object({ issuer: z.string(), jwks_uri: z.url() })

/**
 * Makes a function that calls `read` with the authority's present keys. It throws jose's own error if the token is at
 * fault, and the error of `unavailable` if the keys cannot be read: the token is then neither good nor bad.
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

/**
 * Whether the keys were read, and the token names one that is not among them, or an algorithm that is not supported.
 */
function isTokensFault(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  )
}
