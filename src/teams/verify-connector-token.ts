import { z } from 'zod'
import { connectorTokenVerifier } from '../signing-keys/connector-keys.ts'
import { Refused } from './refused.ts'

const CHANNEL = 'msteams'

export interface Connector {
  /** The service URL for which the token was issued. */
  readonly serviceUrl: string
}

export type VerifyConnector = (authorizationHeader: string | undefined) => Promise<Connector>

const claimsSchema = z.object({ serviceurl: z.string() })

/**
 * Builds a function that verifies a call: Bot Connector must have sent it, for our bot and from Teams.
 * @returns a function that throws Refused for another call, or KeysAway when the keys cannot be read
 */
export function connectorVerifier(options: {
  readonly appId: string
  readonly openIdMetadataUrl: string
}): VerifyConnector {
  const verifyToken = connectorTokenVerifier(options.openIdMetadataUrl, options.appId)
  return async function verifyConnector(authorizationHeader) {
    const token = await verifyToken(bearerToken(authorizationHeader))
    if ('refused' in token) throw new Refused(401, token.refused)
    // Microsoft endorses each key for channels: a key for web chat may not sign for Teams.
    if (!token.endorsements.includes(CHANNEL)) throw new Refused(401, 'not-endorsed')
    const claims = claimsSchema.safeParse(token.claims)
    if (!claims.success) throw new Refused(401, 'claim-serviceurl')
    return { serviceUrl: claims.data.serviceurl }
  }
}

function bearerToken(header: string | undefined): string {
  const token = /^Bearer ([A-Za-z0-9_.-]+)$/i.exec(header ?? '')?.[1]
  if (token === undefined) throw new Refused(401, header === undefined ? 'no-token' : 'not-a-bearer-token')
  return token
}
