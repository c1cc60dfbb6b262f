import { createRemoteJWKSet, customFetch, errors, type JWTHeaderParameters, type RemoteJWKSet } from 'jose'
import { z } from 'zod'

/** The keys that Bot Connector signs with, and for which channels each was endorsed. */

const FETCH_TIMEOUT_MS = 3_000
const KEYS_CACHE_MS = 60 * 60_000
const UNKNOWN_KEY_COOLDOWN_MS = 30_000
/** While the keys fail, strangers make us ask for them only so often. No longer than the start waits before it tries again. */
const PAUSE_MS = 2_000

/** The keys cannot be had: a token is then neither good nor bad. */
export class KeysAway extends Error {
  override readonly name = 'KeysAway'
}

class AskedJustNow extends Error {
  override readonly name = 'AskedJustNow'
}

export interface ConnectorKeys {
  /** Throws KeysAway; and jose's errors where no key of that name is published. */
  keyOf(header: JWTHeaderParameters): Promise<{ readonly key: CryptoKey; readonly endorsements: readonly string[] }>
}

type Ask = (url: string, init: RequestInit) => Promise<Response>

const metadataSchema = z.object({ issuer: z.string(), jwks_uri: z.url() })
const endorsed = z.object({ kid: z.string(), endorsements: z.array(z.string()).default([]) })

export function connectorKeys(metadataUrl: string, issuer: string): ConnectorKeys {
  let found: Promise<RemoteJWKSet> | undefined
  let pausedUntilMs = 0

  async function ask(url: string, init: RequestInit): Promise<Response> {
    if (performance.now() < pausedUntilMs) throw new AskedJustNow('Bot Connector failed a moment ago.')
    return await fetch(url, init)
  }

  /** Concurrent callers share one question; a success is remembered, a failure for a moment. */
  function remoteKeys(): Promise<RemoteJWKSet> {
    found ??= discover(metadataUrl, issuer, ask).catch((error: unknown) => {
      found = undefined
      throw error
    })
    return found
  }

  return {
    async keyOf(header) {
      try {
        const keys = await remoteKeys()
        return { key: await keys(header), endorsements: endorsementsOf(keys, header.kid) }
      } catch (error) {
        if (isTokensFault(error)) throw error
        // Whoever only met the pause does not make it longer.
        if (!(error instanceof AskedJustNow)) pausedUntilMs = performance.now() + PAUSE_MS
        throw new KeysAway('The keys of Bot Connector cannot be had.', { cause: error })
      }
    },
  }
}

function endorsementsOf(keys: RemoteJWKSet, kid: string | undefined): readonly string[] {
  const key = keys.jwks()?.keys.find((one) => kid !== undefined && one.kid === kid)
  return endorsed.safeParse(key).data?.endorsements ?? []
}

async function discover(metadataUrl: string, issuer: string, ask: Ask): Promise<RemoteJWKSet> {
  const response = await ask(metadataUrl, { redirect: 'error', signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) })
  if (!response.ok) throw new Error(`The metadata of Bot Connector answered ${response.status}`)
  const metadata = metadataSchema.parse(await response.json())
  const keysUrl = new URL(metadata.jwks_uri)
  if (metadata.issuer !== issuer) throw new Error('The metadata of Bot Connector names another issuer')
  if (keysUrl.origin !== new URL(metadataUrl).origin) throw new Error('Bot Connector keeps its keys elsewhere')
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
