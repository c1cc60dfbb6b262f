import {
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
import { LatchkeyError } from '../errors.ts'
import { type Authority, fetchAuthority } from './authority.ts'
import { awaitRedirect } from './loopback.ts'
import { Problem } from './problem.ts'
import { forgetSignIn, readSignIn, type SignIn, withLock, writeSignIn } from './token-file.ts'

/** An access token that ends within this is not sent any more. */
const REFRESH_BEFORE_MS = 60_000

function configurationOf({ openIdConnectUrl, clientId }: Authority): Promise<Configuration> {
  // A public client: its proof is PKCE, it holds no secret.
  return discovery(new URL(openIdConnectUrl), clientId, undefined, None())
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

/** Entra sign-in by code and PKCE; the browser comes back to a port of this machine (RFC 8252). `show` gets the link. */
export async function signIn(url: string, show: (link: string) => void): Promise<void> {
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
    })
    show(link.href)
  }, expectedState)
  const tokens = await authorizationCodeGrant(configuration, redirected, { pkceCodeVerifier, expectedState })
  await writeSignIn(toSignIn(url, authority, tokens))
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
  const { url, openIdConnectUrl, clientId, scope, refreshToken } = before
  if (refreshToken === undefined) throw new LatchkeyError('NOT_SIGNED_IN', {})
  const authority = { openIdConnectUrl, clientId, scope }
  const tokens = await exchange(authority, refreshToken)
  const next = toSignIn(url, authority, tokens, before)
  await writeSignIn(next)
  return next
}

/** Entra ends a sign-in by refusing the refresh token, as after a new password or a disabled account. */
async function exchange(authority: Authority, refreshToken: string): Promise<TokenEndpointResponse> {
  try {
    return await refreshTokenGrant(await configurationOf(authority), refreshToken, { scope: authority.scope })
  } catch (error) {
    if (error instanceof ResponseBodyError) throw new LatchkeyError('NOT_SIGNED_IN', {}, { cause: error })
    throw new Problem('Entra cannot be reached. Try again in a moment.', { cause: error })
  }
}
