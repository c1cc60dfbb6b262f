import { errors, jwtVerify } from 'jose'
import { z } from 'zod'
import { connectorKeys } from '../signing-keys/connector-keys.ts'
import { Refused } from './refused.ts'

/** Every token that Bot Connector sends to a bot is its own, whoever the person is. */
export const CONNECTOR_ISSUER = 'https://api.botframework.com'

const CHANNEL = 'msteams'
const CLOCK_TOLERANCE_SECONDS = 60

export interface Connector {
  /** For which service URL the token was made out. */
  readonly serviceUrl: string
}

export type VerifyConnector = (authorizationHeader: string | undefined) => Promise<Connector>

const claimsSchema = z.object({ serviceurl: z.string() })

/** Proves that Bot Connector sends this, for our bot and from Teams. Throws Refused, and KeysAway where nobody can tell. */
export function connectorVerifier(options: {
  readonly appId: string
  readonly openIdMetadataUrl: string
}): VerifyConnector {
  const keys = connectorKeys(options.openIdMetadataUrl, CONNECTOR_ISSUER)

  async function claimsOf(token: string): Promise<Connector> {
    let endorsements: readonly string[] = []
    const { payload } = await jwtVerify(
      token,
      async (header) => {
        const found = await keys.keyOf(header)
        endorsements = found.endorsements
        return found.key
      },
      {
        algorithms: ['RS256'],
        issuer: CONNECTOR_ISSUER,
        audience: options.appId,
        requiredClaims: ['exp', 'nbf'],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
      },
    )
    // Microsoft's keys are endorsed channel by channel: what signs for a web chat does not speak for Teams.
    if (!endorsements.includes(CHANNEL)) throw new Refused(401, 'not-endorsed')
    const claims = claimsSchema.safeParse(payload)
    if (!claims.success) throw new Refused(401, 'claim-serviceurl')
    return { serviceUrl: claims.data.serviceurl }
  }

  return async function verifyConnector(authorizationHeader) {
    try {
      return await claimsOf(bearerToken(authorizationHeader))
    } catch (error) {
      if (error instanceof errors.JWTClaimValidationFailed) throw new Refused(401, `${error.code}:${error.claim}`)
      if (error instanceof errors.JOSEError) throw new Refused(401, error.code)
      throw error
    }
  }
}

function bearerToken(header: string | undefined): string {
  const token = /^Bearer ([A-Za-z0-9_.-]+)$/i.exec(header ?? '')?.[1]
  if (token === undefined) throw new Refused(401, header === undefined ? 'no-token' : 'not-a-bearer-token')
  return token
}
