import { createLocalJWKSet, errors, jwtVerify } from 'jose'
import { z } from 'zod'
import { GRAPH_AUDIENCE } from './claims.ts'
import { type GraphFault, unauthenticated } from './graph-errors.ts'
import type { KeyRing } from './keys.ts'

export interface GraphApp {
  readonly appId: string
  readonly permissions: readonly string[]
}

const claimsSchema = z.object({ appid: z.string(), idtyp: z.literal('app'), roles: z.array(z.string()) })

/** Verifies the signature, audience and expiry of a token for Graph. */
export async function authenticateApp(
  authorization: string | undefined,
  tenantId: string,
  keys: KeyRing,
): Promise<GraphApp> {
  const token = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1]
  if (token === undefined) throw unauthenticated('Access token is empty.')
  const published = keys.published.map(({ kid, publicKey }) => ({ ...publicKey.export({ format: 'jwk' }), kid }))
  try {
    const { payload } = await jwtVerify(token, createLocalJWKSet({ keys: published.map(rsaKey) }), {
      algorithms: ['RS256'],
      audience: GRAPH_AUDIENCE,
      issuer: `https://sts.windows.net/${tenantId}/`,
    })
    const { appid, roles } = claimsSchema.parse(payload)
    return { appId: appid, permissions: roles }
  } catch (error) {
    throw refusal(error)
  }
}

function rsaKey(jwk: object) {
  return z.looseObject({ kty: z.literal('RSA'), n: z.string(), e: z.string() }).parse(jwk)
}

function refusal(error: unknown): GraphFault {
  if (error instanceof errors.JWTExpired) return unauthenticated('Lifetime validation failed, the token is expired.')
  if (error instanceof errors.JWTClaimValidationFailed && error.claim === 'aud') {
    return unauthenticated('Access token validation failure. Invalid audience.')
  }
  if (error instanceof errors.JWTInvalid || error instanceof errors.JWSInvalid) {
    return unauthenticated('CompactToken parsing failed with error code: 80049217')
  }
  return unauthenticated('Access token validation failure.')
}
