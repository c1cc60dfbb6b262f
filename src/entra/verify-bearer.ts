import { errors, jwtVerify } from 'jose'
import { z } from 'zod'
import { LatchkeyError } from '../errors.ts'
import type { Caller } from '../rules/caller.ts'
import { issuerOf, signingKeys } from '../signing-keys/entra-keys.ts'
import { acrs, secondFactor } from './second-factor.ts'

/** The delegated permission of Latchkey's API. Every token must contain it. */
export const DELEGATED_SCOPE = 'access_as_user'

/** Tolerated difference between Entra's clock and ours. A token is accepted at most this long after its end. */
const CLOCK_TOLERANCE_SECONDS = 60

interface Log {
  info(data: object, message: string): void
}

interface Options {
  /** `https://login.microsoftonline.com`, except in the sandbox. */
  readonly authority: string
  readonly tenantId: string
  /** Client id of the API's registration, which is the audience of a v2 access token. */
  readonly audience: string
  /** Ids of the clients whose tokens are accepted. */
  readonly clientIds: readonly string[]
  /** The authentication context that demands a second factor. Undefined: no caller counts as having one. */
  readonly mfaContext?: string | undefined
  readonly log?: Log
}

/**
 * Claims of an access token v2 (Microsoft's "Access token claims reference"). `idtyp` is optional, so its absence
 * proves nothing.
 */
const claimsSchema = z.object({
  ver: z.literal('2.0'),
  tid: z.string(),
  oid: z.guid(),
  azp: z.string(),
  scp: z.string(),
  idtyp: z.string().optional(),
  name: z.string().optional(),
  preferred_username: z.string().optional(),
  roles: z.array(z.string()).default([]),
  acrs,
})

type Claims = z.infer<typeof claimsSchema>

/** A refused token. The caller always gets NOT_SIGNED_IN; only the log shows the reason, as a code. */
class Refused extends Error {
  readonly reason: string

  constructor(reason: string) {
    super(reason)
    this.reason = reason
  }
}

/**
 * Verifies an Entra access token and reads the caller from it. It accepts tokens of people only: a token that an app
 * gets for itself has no `scp`.
 */
export function bearerVerifier(
  options: Options,
): (authorizationHeader: string | undefined, address: string) => Promise<Caller> {
  const keys = signingKeys(options.authority, options.tenantId)
  const issuer = issuerOf(options.authority, options.tenantId)

  async function claimsOf(authorizationHeader: string | undefined): Promise<Claims> {
    const { payload } = await jwtVerify(bearerToken(authorizationHeader), keys, {
      algorithms: ['RS256'],
      issuer,
      audience: options.audience,
      requiredClaims: ['exp', 'nbf', 'iat'],
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
    })
    const claims = claimsSchema.safeParse(payload)
    if (!claims.success) throw new Refused(`claim-${String(claims.error.issues[0]?.path[0] ?? 'shape')}`)
    refuseForeign(claims.data, options)
    return claims.data
  }

  return async function verifyBearer(authorizationHeader, address) {
    try {
      return callerOf(await claimsOf(authorizationHeader), address, options.mfaContext)
    } catch (error) {
      const reason = reasonOf(error)
      if (reason === undefined) throw error
      options.log?.info({ reason }, 'bearer token refused')
      throw new LatchkeyError('NOT_SIGNED_IN', {})
    }
  }
}

function bearerToken(header: string | undefined): string {
  if (header === undefined) throw new Refused('no-token')
  const token = /^Bearer ([A-Za-z0-9_.-]+)$/i.exec(header)?.[1]
  if (token === undefined) throw new Refused('not-a-bearer-token')
  return token
}

function refuseForeign(claims: Claims, { tenantId, clientIds }: Options): void {
  if (claims.tid !== tenantId) throw new Refused('other-tenant')
  if (claims.idtyp === 'app') throw new Refused('app-only')
  if (!claims.scp.split(' ').includes(DELEGATED_SCOPE)) throw new Refused('scope-missing')
  if (!clientIds.includes(claims.azp)) throw new Refused('client-not-listed')
}

function callerOf(claims: Claims, address: string, mfaContext: string | undefined): Caller {
  return {
    tenantId: claims.tid,
    objectId: claims.oid.toLowerCase(),
    name: claims.name ?? claims.preferred_username ?? claims.oid,
    roles: claims.roles,
    clientId: claims.azp,
    ...secondFactor(claims.acrs, mfaContext),
    address,
  }
}

/** The reason of a refusal, as a code for the log. Undefined: the error is no fault of the token. */
function reasonOf(error: unknown): string | undefined {
  if (error instanceof Refused) return error.reason
  if (error instanceof errors.JWTClaimValidationFailed) return `${error.code}:${error.claim}`
  if (error instanceof errors.JOSEError) return error.code
  return undefined
}
