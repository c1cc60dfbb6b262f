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

/** An access token that ends within this is not sent any more. */
const REFRESH_BEFORE_MS = 60_000

async function configurationOf({ openIdConnectUrl, clientId }: Authority): Promise<Configuration> {
  try {
    // A public client: its proof is PKCE, it holds no secret.
    return await discovery(new URL(openIdConnectUrl), clientId, undefined, None())
  } catch (error) {
    throw unreachable(`Entra (${new URL(openIdConnectUrl).host})`, error)
  }
}

/** What Entra itself says of the person; nothing of it decides anything. */
const person = z.object({ name: z.string(), preferred_username: z.string() })

/** @throws Problem when Entra or the person said no */
async function takeTokens(configuration: Configuration, redirected: URL, checks: AuthorizationCodeGrantChecks) {
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
 * Entra sign-in by code and PKCE; the browser comes back to a port of this machine (RFC 8252). `show` gets the link.
 * Who signed in, where Entra says so.
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
  const tokens = await takeTokens(configuration, redirected, { pkceCodeVerifier, expectedState })
  await writeSignIn(toSignIn(url, authority, tokens))
  const { data: who } = person.safeParse(tokens.claims())
  return who && plain(`${who.name} (${who.preferred_username})`)
}

export async function signOut(): Promise<void> {
  await forgetSignIn()
}

/** @throws NOT_SIGNED_IN when nobody is, or when the sign-in is over. */
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
  const tokens = await exchange(authority, refreshToken)
  const next = toSignIn(url, authority, tokens, before)
  await writeSignIn(next)
  return next
}

/** Entra ends a sign-in by refusing the refresh token, as after a new password or a disabled account. */
async function exchange(authority: Authority, refreshToken: string): Promise<TokenEndpointResponse> {
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
