import { errors, type JWTPayload, jwtVerify, type RemoteJWKSet } from 'jose'
import { z } from 'zod'
import { discoverKeys } from './discover-keys.ts'

/** Issuer of every token that Bot Connector sends to a bot, for every person. */
export const CONNECTOR_ISSUER = 'https://api.botframework.com'

const CLOCK_TOLERANCE_SECONDS = 60

/** The keys cannot be read, so that a token can be neither accepted nor refused. */
export class KeysAway extends Error {
  override readonly name = 'KeysAway'
}

export interface ConnectorToken {
  readonly claims: JWTPayload
  /** The channels for which the token's key is endorsed. */
  readonly endorsements: readonly string[]
}

/**
 * Verifies that Bot Connector issued a token, for this bot and this time.
 * @returns `refused`: the reason, as a code
 * @throws KeysAway
 */
export type VerifyConnectorToken = (token: string) => Promise<ConnectorToken | { readonly refused: string }>

const endorsed = z.object({ kid: z.string(), endorsements: z.array(z.string()).default([]) })

export function connectorTokenVerifier(metadataUrl: string, appId: string): VerifyConnectorToken {
  const withKeys = discoverKeys(
    { name: 'Bot Connector', issuer: CONNECTOR_ISSUER, metadataUrl },
    (cause) => new KeysAway('The keys of Bot Connector cannot be read.', { cause }),
  )
  return async (token) => {
    let endorsements: readonly string[] = []
    try {
      const { payload } = await jwtVerify(
        token,
        (header) =>
          withKeys(async (keys) => {
            const key = await keys(header)
            endorsements = endorsementsOf(keys, header.kid)
            return key
          }),
        {
          algorithms: ['RS256'],
          issuer: CONNECTOR_ISSUER,
          audience: appId,
          requiredClaims: ['exp', 'nbf'],
          clockTolerance: CLOCK_TOLERANCE_SECONDS,
        },
      )
      return { claims: payload, endorsements }
    } catch (error) {
      if (error instanceof errors.JWTClaimValidationFailed) return { refused: `${error.code}:${error.claim}` }
      if (error instanceof errors.JOSEError) return { refused: error.code }
      throw error
    }
  }
}

function endorsementsOf(keys: RemoteJWKSet, kid: string | undefined): readonly string[] {
  const key = keys.jwks()?.keys.find((one) => kid !== undefined && one.kid === kid)
  return endorsed.safeParse(key).data?.endorsements ?? []
}
