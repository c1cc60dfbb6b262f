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
import { pauseAfterFailure } from '../signing-keys/pause.ts'
import { acrs, demandSecondFactor, secondFactor } from './second-factor.ts'

const TIMEOUT_SECONDS = 5
const RETRY_AFTER_SECONDS = 5

/** Answers that could not be had or read: they say nothing about whoever signs in. */
const NO_ANSWER = new Set([
  'OAUTH_TIMEOUT',
  'OAUTH_ABORT',
  'OAUTH_PARSE_ERROR',
  'OAUTH_RESPONSE_IS_NOT_JSON',
  'OAUTH_RESPONSE_IS_NOT_CONFORM',
])

/** Of OAuth 2.0, as `access_denied`. */
const ERROR_CODE = /^[a-z_]{1,40}$/

interface Options {
  /** `https://login.microsoftonline.com`; another one only in the sandbox. */
  readonly authority: string
  readonly tenantId: string
  readonly clientId: string
  readonly clientSecret: string
  /** The authentication context that demands a second factor: with it, nobody is signed in without one. */
  readonly mfaContext?: string | undefined
  /** Registered for the web: `${PUBLIC_URL}/sign-in/callback`. */
  readonly redirectUri: string
  readonly log: { info(data: object, message: string): void }
}

/** What the browser must bring back, in a cookie that only we can read and write. */
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

/** ID token v2 claims, after Microsoft's "ID token claims reference". Whoever comes from another tenant is nobody here, whatever the issuer says. */
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

/** Sign-in for pages: authorization code with PKCE, state and nonce, as the confidential client of our registration. */
export function entraSignIn(options: Options) {
  const { redirectUri, mfaContext, log } = options
  const configuration = foundOnce(options)

  /** @throws UNAVAILABLE */
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

  /** @throws NOT_SIGNED_IN for what Entra or we refuse, UNAVAILABLE when Entra does not answer */
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

/** Concurrent callers share one question; a success is remembered, a failure for a moment. */
function foundOnce({ authority, tenantId, clientId, clientSecret }: Options): () => Promise<Configuration> {
  const pause = pauseAfterFailure('Entra')

  async function discover(): Promise<Configuration> {
    const issuer = new URL(issuerOf(authority, tenantId))
    const asked = { execute: [enableNonRepudiationChecks], timeout: TIMEOUT_SECONDS }
    pause.check()
    return await discovery(issuer, clientId, undefined, ClientSecretPost(clientSecret), asked)
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

/** A code for the log. Undefined: nobody was refused, there was no answer. */
function reasonOf(error: unknown): string | undefined {
  // A stranger may have written it into the address.
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
