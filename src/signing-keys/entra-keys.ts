import type { JWTVerifyGetKey } from 'jose'
import { LatchkeyError } from '../errors.ts'
import { discoverKeys } from './discover-keys.ts'

const RETRY_AFTER_SECONDS = 5

/** The issuer in every v2 token of this one tenant. It is never `common`, and never taken from the token. */
export function issuerOf(authority: string, tenantId: string): string {
  return `${new URL(authority).origin}/${tenantId}/v2.0`
}

/**
 * The tenant's present signing keys, for jose.
 * @returns a function that throws UNAVAILABLE if the keys cannot be read: the token is then neither good nor bad
 */
export function signingKeys(authority: string, tenantId: string): JWTVerifyGetKey {
  const issuer = issuerOf(authority, tenantId)
  const metadataUrl = `${issuer}/.well-known/openid-configuration`
  const facts = { what: 'the directory', retryAfterSeconds: RETRY_AFTER_SECONDS } as const
  const withKeys = discoverKeys(
    { name: 'Entra', issuer, metadataUrl },
    (cause) => new LatchkeyError('UNAVAILABLE', facts, { cause }),
  )
  return (header, token) => withKeys((keys) => keys(header, token))
}
