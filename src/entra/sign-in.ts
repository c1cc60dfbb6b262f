import {
  AuthorizationResponseError,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  ClientError,
  ClientSecretPost,
  type Configuration,
  calculatePKCECodeChallenge,
  discovery,
  enableNonRepudiationChecks,
  type IDToken,
  ResponseBodyError,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client'
import { z } from 'zod'
import { remember } from '../async.ts'
import { LatchkeyError } from '../errors.ts'
import { issuerOf } from '../signing-keys/entra-keys.ts'
import { pauseAfterFailure } from '../signing-keys/pause-after-failure.ts'
import { acrs, demandSecondFactor, secondFactor } from './second-factor.ts'

const TIMEOUT_SECONDS = 5
const RETRY_AFTER_SECONDS = 5

/** Codes of openid-client for a missing or unreadable answer. They are no refusal of the person. */
const NO_ANSWER = new Set([
  'OAUTH_TIMEOUT',
  'OAUTH_ABORT',
  'OAUTH_PARSE_ERROR',
  'OAUTH_RESPONSE_IS_NOT_JSON',
  'OAUTH_RESPONSE_IS_NOT_CONFORM',
])

/** The form of OAuth 2.0 error codes, as `access_denied`. */
const ERROR_CODE = /^[a-z_]{1,40}$/

interface Options {
  /** `https://login.microsoftonline.com`, except in the sandbox. */
  readonly authority: string
  readonly tenantId: string
  readonly clientId: string
  readonly clientSecret: string
  /** The authentication context that demands a second factor. Undefined: sign-in does not demand one. */
  readonly mfaContext?: string | undefined
  /** `${PUBLIC_URL}/sign-in/callback`, registered for the platform "Web". */
  readonly redirectUri: string
  readonly log: { info(data: object, message: string): void }
}

/** What the callback needs of the sign-in that was started. The browser keeps it in a sealed cookie. */
interface Started {
  readonly state: string
  readonly nonce: string
  readonly codeVerifier: string
}

interface SignedIn {
  readonly tenantId: string
  readonly objectId: string
  readonly name: string
  readonly mfa?: true
}

/** Claims of an ID token v2 (Microsoft's "ID token claims reference"). `tid` is checked too, not only the issuer. */
function claimsSchema(tenantId: string) {
  return z.object({
    ver: z.literal('2.0'),
    tid: z.literal(tenantId),
    oid: z.guid(),
    name: z.string().optional(),
    preferred_username: z.string().optional(),
    acrs,
  })
}

/** Sign-in for pages: authorization code flow with PKCE, state and nonce, as a confidential client. */
export function entraSignIn(options: Options) {
  const { redirectUri, mfaContext, log } = options
  const configuration = discoverOnce(options)

  /** The address to which the browser is sent, and what `finish` needs. @throws UNAVAILABLE */
  async function begin(): Promise<{ readonly link: string; readonly started: Started }> {
    const config = await configuration()
    const started = { state: randomState(), nonce: randomNonce(), codeVerifier: randomPKCECodeVerifier() }
    const link = buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope: 'openid profile',
      state: started.state,
      nonce: started.nonce,
      code_challenge: await calculatePKCECodeChallenge(started.codeVerifier),
      code_challenge_method: 'S256',
      ...demandSecondFactor(mfaContext),
    })
    return { link: link.href, started }
  }

  /** @throws NOT_SIGNED_IN when Entra or Latchkey refuses, UNAVAILABLE when Entra does not answer */
  async function finish(query: string, { state, nonce, codeVerifier }: Started): Promise<SignedIn> {
    const config = await configuration()
    const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: codeVerifier, idTokenExpected: true }
    try {
      const tokens = await authorizationCodeGrant(config, new URL(`?${query}`, redirectUri), checks)
      return signedIn(tokens.claims(), options)
    } catch (error) {
      const reason = reasonOf(error)
      if (reason === undefined) throw unavailable(error)
      log.info({ reason }, 'sign-in refused')
      throw new LatchkeyError('NOT_SIGNED_IN', {}, { cause: error })
    }
  }

  return { begin, finish }
}

/** Reads Entra's configuration once. Concurrent callers share one call; a failure is remembered for a moment only. */
function discoverOnce({ authority, tenantId, clientId, clientSecret }: Options): () => Promise<Configuration> {
  const pause = pauseAfterFailure('Entra')

  async function discover(): Promise<Configuration> {
    const issuer = new URL(issuerOf(authority, tenantId))
    const settings = { execute: [enableNonRepudiationChecks], timeout: TIMEOUT_SECONDS }
    pause.check()
    return await discovery(issuer, clientId, undefined, ClientSecretPost(clientSecret), settings)
  }

  return remember(() =>
    discover().catch((error: unknown) => {
      pause.failed(error)
      throw unavailable(error)
    }),
  )
}

function signedIn(claims: IDToken | undefined, { tenantId, mfaContext }: Options): SignedIn {
  const { oid, name, preferred_username, acrs } = claimsSchema(tenantId).parse(claims)
  return {
    tenantId,
    objectId: oid.toLowerCase(),
    name: name ?? preferred_username ?? oid,
    ...secondFactor(acrs, mfaContext),
  }
}

/** The reason of a refusal, as a code for the log. Undefined: it was no refusal, because no answer came. */
function reasonOf(error: unknown): string | undefined {
  // The code comes from the address, so anybody may have written it.
  if (error instanceof AuthorizationResponseError) return ERROR_CODE.test(error.error) ? error.error : 'not-a-code'
  if (error instanceof ResponseBodyError) return error.status >= 500 || error.status === 429 ? undefined : error.error
  if (error instanceof z.ZodError) return `claim-${String(error.issues[0]?.path[0] ?? 'shape')}`
  if (error instanceof ClientError) return NO_ANSWER.has(error.code ?? '') ? undefined : (error.code ?? 'unknown')
  return undefined
}

function unavailable(cause: unknown): LatchkeyError {
  const facts = { what: 'the directory', retryAfterSeconds: RETRY_AFTER_SECONDS } as const
  return new LatchkeyError('UNAVAILABLE', facts, { cause })
}
