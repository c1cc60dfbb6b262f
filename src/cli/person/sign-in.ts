import {
  type AuthorizationCodeGrantChecks,
  AuthorizationResponseError,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type Configuration,
  calculatePKCECodeChallenge,
  discovery,
  None,
  ResponseBodyError,
  randomPKCECodeVerifier,
  randomState,
  refreshTokenGrant,
  type TokenEndpointResponse,
} from 'openid-client'
import { z } from 'zod'
import { demandSecondFactor } from '../../entra/second-factor.ts'
import { LatchkeyError } from '../../errors.ts'
import { plain } from '../plain.ts'
import { Problem } from '../problem.ts'
import { forgetSignIn, readSignIn, type SignIn, withLock, writeSignIn } from '../token-file.ts'
import { unreachable } from '../unreachable.ts'
import { type Authority, fetchAuthority } from './authority.ts'
import { awaitRedirect } from './loopback-redirect.ts'

/** An access token with less time left is refreshed before it is used. */
const REFRESH_BEFORE_MS = 60_000

async function configurationOf({ openIdConnectUrl, clientId }: Authority): Promise<Configuration> {
  try {
    // A public client has no secret. PKCE proves that the code is its own.
    return await discovery(new URL(openIdConnectUrl), clientId, undefined, None())
  } catch (error) {
    throw unreachable(`Entra (${new URL(openIdConnectUrl).host})`, error)
  }
}

/** Claims of Entra about the person. They are only printed, never used to decide. */
const person = z.object({ name: z.string(), preferred_username: z.string() })

/** @throws Problem when Entra refused the sign-in or the person cancelled it */
async function exchangeCode(configuration: Configuration, redirected: URL, checks: AuthorizationCodeGrantChecks) {
  try {
    return await authorizationCodeGrant(configuration, redirected, checks)
  } catch (error) {
    if (!(error instanceof AuthorizationResponseError)) throw error
    throw new Problem(
      `Entra did not sign you in (${plain(error.error)}). Run \`latchkey login\` again; if it stays, ask whoever operates Latchkey whether it is open to you.`,
      { cause: error },
    )
  }
}

function toSignIn(url: string, authority: Authority, tokens: TokenEndpointResponse, before?: SignIn): SignIn {
  const refreshToken = tokens.refresh_token ?? before?.refreshToken
  return {
    url,
    ...authority,
    accessToken: tokens.access_token,
    expiresAt: Date.now() + (tokens.expires_in ?? 300) * 1000,
    ...(refreshToken === undefined ? {} : { refreshToken }),
  }
}

/**
 * Signs in with Entra by authorization code and PKCE. The browser comes back to a loopback port (RFC 8252).
 * @param show Called with the link to open
 * @returns Name and user name of the person. Undefined: Entra did not name them
 */
export async function signIn(url: string, show: (link: string) => void): Promise<string | undefined> {
  const authority = await fetchAuthority(url)
  const configuration = await configurationOf(authority)
  const pkceCodeVerifier = randomPKCECodeVerifier()
  const challenge = await calculatePKCECodeChallenge(pkceCodeVerifier)
  const expectedState = randomState()
  const redirected = await awaitRedirect((redirectUri) => {
    const link = buildAuthorizationUrl(configuration, {
      redirect_uri: redirectUri,
      scope: `${authority.scope} openid profile offline_access`,
      code_challenge: challenge,
      code_challenge_method: 'S256',
      state: expectedState,
      ...demandSecondFactor(authority.mfaContext),
    })
    show(link.href)
  }, expectedState)
  const tokens = await exchangeCode(configuration, redirected, { pkceCodeVerifier, expectedState })
  await writeSignIn(toSignIn(url, authority, tokens))
  const { data: who } = person.safeParse(tokens.claims())
  return who && plain(`${who.name} (${who.preferred_username})`)
}

export async function signOut(): Promise<void> {
  await forgetSignIn()
}

/**
 * The access token of the sign-in, refreshed when it is about to end.
 * @throws NOT_SIGNED_IN when nobody is signed in at this Latchkey, or when Entra has ended the sign-in
 */
export async function accessToken(url: string): Promise<string> {
  const now = await readSignIn(url)
  if (now === undefined) throw new LatchkeyError('NOT_SIGNED_IN', {})
  if (isFresh(now)) return now.accessToken
  return await withLock(async () => {
    const again = await readSignIn(url)
    if (again === undefined) throw new LatchkeyError('NOT_SIGNED_IN', {})
    return isFresh(again) ? again.accessToken : (await refresh(again)).accessToken
  })
}

function isFresh({ expiresAt }: SignIn): boolean {
  return expiresAt - REFRESH_BEFORE_MS > Date.now()
}

async function refresh(before: SignIn): Promise<SignIn> {
  const { url, openIdConnectUrl, clientId, scope, mfaContext, refreshToken } = before
  if (refreshToken === undefined) throw new LatchkeyError('NOT_SIGNED_IN', {})
  const authority = { openIdConnectUrl, clientId, scope, mfaContext }
  const tokens = await exchangeRefreshToken(authority, refreshToken)
  const next = toSignIn(url, authority, tokens, before)
  await writeSignIn(next)
  return next
}

/**
 * Entra refuses the refresh token when the sign-in has ended, for example after a new password or for a disabled
 * account.
 */
async function exchangeRefreshToken(authority: Authority, refreshToken: string): Promise<TokenEndpointResponse> {
  const configuration = await configurationOf(authority)
  try {
    return await refreshTokenGrant(configuration, refreshToken, {
      scope: authority.scope,
      ...demandSecondFactor(authority.mfaContext),
    })
  } catch (error) {
    if (error instanceof ResponseBodyError) throw new LatchkeyError('NOT_SIGNED_IN', {}, { cause: error })
    throw unreachable('Entra', error)
  }
}
