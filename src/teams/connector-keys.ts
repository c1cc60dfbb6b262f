import { createRemoteJWKSet, errors, type JWTHeaderParameters, type RemoteJWKSet } from 'jose'
import { z } from 'zod'

/** The keys that Bot Connector signs with, and for which channels each was endorsed. */

const FETCH_TIMEOUT_MS = 3_000
const KEYS_CACHE_MS = 60 * 60_000
const UNKNOWN_KEY_COOLDOWN_MS = 30_000

/** The keys cannot be had: a token is then neither good nor bad. */
export class KeysAway extends Error {
  override readonly name = 'KeysAway'
}

export interface ConnectorKeys {
  /** Throws KeysAway; and jose's errors where no key of that name is published. */
  keyOf(header: JWTHeaderParameters): Promise<{ readonly key: CryptoKey; readonly endorsements: readonly string[] }>
}

const metadataSchema = z.object({ issuer: z.string(), jwks_uri: z.url() })
const endorsed = z.object({ kid: z.string(), endorsements: z.array(z.string()).default([]) })

export function connectorKeys(metadataUrl: string, issuer: string): ConnectorKeys {
  let found: Promise<RemoteJWKSet> | undefined

  /** Concurrent callers share one question; only a success is remembered. */
  function remoteKeys(): Promise<RemoteJWKSet> {
    found ??= discover(metadataUrl, issuer).catch((error: unknown) => {
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
        throw new KeysAway('The keys of Bot Connector cannot be had.', { cause: error })
      }
    },
  }
}

function endorsementsOf(keys: RemoteJWKSet, kid: string | undefined): readonly string[] {
  const key = keys.jwks()?.keys.find((one) => kid !== undefined && one.kid === kid)
  return endorsed.safeParse(key).data?.endorsements ?? []
}

async function discover(metadataUrl: string, issuer: string): Promise<RemoteJWKSet> {
  const response = await fetch(metadataUrl, { redirect: 'error', signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) })
  if (!response.ok) throw new Error(`The metadata of Bot Connector answered ${response.status}`)
  const metadata = metadataSchema.parse(await response.json())
  const keysUrl = new URL(metadata.jwks_uri)
  if (metadata.issuer !== issuer) throw new Error('The metadata of Bot Connector names another issuer')
  if (keysUrl.origin !== new URL(metadataUrl).origin) throw new Error('Bot Connector keeps its keys elsewhere')
  return createRemoteJWKSet(keysUrl, {
    timeoutDuration: FETCH_TIMEOUT_MS,
    cacheMaxAge: KEYS_CACHE_MS,
    cooldownDuration: UNKNOWN_KEY_COOLDOWN_MS,
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
