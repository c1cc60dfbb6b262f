import { errors, type JWTPayload, jwtVerify, type RemoteJWKSet } from 'jose'
import { z } from 'zod'
import { discoverKeys } from './discover-keys.ts'

/** Every token that Bot Connector sends to a bot is its own, whoever the person is. */
export const CONNECTOR_ISSUER = 'https://api.botframework.com'

const CLOCK_TOLERANCE_SECONDS = 60

/** The keys cannot be had: a token is then neither good nor bad. */
export class KeysAway extends Error {
  override readonly name = 'KeysAway'
}

export interface ConnectorToken {
  readonly claims: JWTPayload
  /** The channels that its key was endorsed for. */
  readonly endorsements: readonly string[]
}

/** Verifies a token of Bot Connector. `refused`: why it is none of its, for this bot and this time, as a code. Throws KeysAway. */
export type VerifyConnectorToken = (token: string) => Promise<ConnectorToken | { readonly refused: string }>

const endorsed = z.object({ kid: z.string(), endorsements: z.array(z.string()).default([]) })

export function connectorTokenVerifier(metadataUrl: string, appId: string): VerifyConnectorToken {
  const withKeys = discoverKeys(
    { name: 'Bot Connector', issuer: CONNECTOR_ISSUER, metadataUrl },
    (cause) => new KeysAway('The keys of Bot Connector cannot be had.', { cause }),
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
