import * as openid from 'openid-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PEOPLE } from '../../../sandbox/entra/fixture.ts'
import { type SandboxEntra, startEntra } from '../../../sandbox/entra/index.ts'
import { bearerVerifier } from '../../../src/entra/verify-bearer.ts'

/** The sandbox must accept and refuse what Entra accepts and refuses. Tested with a certified client library. */

let entra: SandboxEntra
beforeAll(async () => {
  entra = await startEntra()
})
afterAll(() => entra.stop())

interface Ask {
  readonly redirectUri?: string
  readonly parameters?: Record<string, string>
  readonly withoutChallenge?: boolean
}

async function begin({ redirectUri = 'http://127.0.0.1:45001/callback', parameters, withoutChallenge }: Ask = {}) {
  const config = await openid.discovery(new URL(entra.issuer), entra.cliClientId, undefined, openid.None())
  const pkceCodeVerifier = openid.randomPKCECodeVerifier()
  const url = openid.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: `${entra.apiScope} openid profile offline_access`,
    state: 'a-state',
    ...(withoutChallenge
      ? {}
      : { code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: 'S256' }),
    ...parameters,
  })
  const finish = (redirect: URL) =>
    openid.authorizationCodeGrant(config, redirect, { pkceCodeVerifier, expectedState: 'a-state' })
  return { config, url, finish }
}

async function signIn(personId: string, ask?: Ask) {
  const { config, url, finish } = await begin(ask)
  const tokens = await finish(await entra.signIn(personId, url.href))
  return { config, tokens }
}

function callerOf(accessToken: string) {
  const { authority, tenantId, clientId: audience, cliClientId } = entra
  return bearerVerifier({ authority, tenantId, audience, clientIds: [cliClientId] })(`Bearer ${accessToken}`, '::1')
}

describe('signing in from a person’s machine', () => {
  test('gives a token for our API that our verifier takes, and an id token of the same person', async () => {
    const { tokens } = await signIn(PEOPLE.rita)
    expect(await callerOf(tokens.access_token)).toMatchObject({ objectId: PEOPLE.rita, name: 'Rita Reyes' })
    expect(tokens.claims()).toMatchObject({
      oid: PEOPLE.rita,
      tid: entra.tenantId,
      ver: '2.0',
      sub: expect.not.stringMatching(PEOPLE.rita),
    })
  })

  test('gives a refresh token, which gives a new access token with today’s roles', async () => {
    const { config, tokens } = await signIn(PEOPLE.dana)
    entra.tenant.change(PEOPLE.dana, { appRoles: ['Latchkey.Auditor'] })
    const next = await openid.refreshTokenGrant(config, tokens.refresh_token ?? '')
    expect(await callerOf(next.access_token)).toMatchObject({ objectId: PEOPLE.dana, roles: ['Latchkey.Auditor'] })
  })

  test('gives no refresh token when none was asked for', async () => {
    const { tokens } = await signIn(PEOPLE.rita, { parameters: { scope: `${entra.apiScope} openid` } })
    expect(tokens.refresh_token).toBeUndefined()
  })

  test.each(['http://localhost:1024', 'http://localhost:50123/callback', 'http://127.0.0.1:50124/callback'])(
    'comes back to %s',
    async (redirectUri) => {
      const { url } = await begin({ redirectUri })
      const redirect = await entra.signIn(PEOPLE.rita, url.href)
      expect(redirect.href.startsWith(redirectUri)).toBe(true)
      expect(redirect.searchParams.get('code')).toMatch(/./)
    },
  )

  test.each(['http://127.0.0.1:50125/elsewhere', 'https://example.com/callback', 'http://example.com:80/callback'])(
    'never comes back to %s',
    async (redirectUri) => {
      const { url } = await begin({ redirectUri })
      await expect(entra.signIn(PEOPLE.rita, url.href)).rejects.toThrow('invalid_redirect_uri')
    },
  )

  test('needs the proof of the same machine', async () => {
    const { url } = await begin({ withoutChallenge: true })
    const redirect = await entra.signIn(PEOPLE.rita, url.href)
    expect(redirect.searchParams.get('error')).toBe('invalid_request')
    const first = await begin()
    const second = await begin()
    await expect(second.finish(await entra.signIn(PEOPLE.rita, first.url.href))).rejects.toMatchObject({
      error: 'invalid_grant',
    })
  })

  test('a code is good once', async () => {
    const { url, finish } = await begin()
    const redirect = await entra.signIn(PEOPLE.rita, url.href)
    await finish(redirect)
    await expect(finish(redirect)).rejects.toMatchObject({ error: 'invalid_grant' })
  })

  test('goes on after the keys were rotated', async () => {
    const { config, tokens } = await signIn(PEOPLE.rita)
    entra.rotateKeys()
    const next = await openid.refreshTokenGrant(config, tokens.refresh_token ?? '')
    expect(await callerOf(next.access_token)).toMatchObject({ objectId: PEOPLE.rita })
  })

  test('is refused to a disabled account, on the page and with an older refresh token', async () => {
    const { url } = await begin()
    await expect(entra.signIn(PEOPLE.della, url.href)).rejects.toThrow('AADSTS50057')
    const { config, tokens } = await signIn(PEOPLE.finn)
    entra.tenant.disable(PEOPLE.finn)
    await expect(openid.refreshTokenGrant(config, tokens.refresh_token ?? '')).rejects.toMatchObject({
      error: 'invalid_grant',
    })
    entra.tenant.enable(PEOPLE.finn)
  })

  test('can be cancelled', async () => {
    const { url } = await begin()
    const redirect = await entra.signIn('', url.href)
    expect(redirect.searchParams.get('error')).toBe('access_denied')
  })
})

describe('signing in as an app', () => {
  async function appConfig(clientSecret: string) {
    return openid.discovery(new URL(entra.issuer), entra.clientId, clientSecret)
  }

  test('a token for our API names no person, and our verifier refuses it', async () => {
    const config = await appConfig(entra.clientSecret)
    const tokens = await openid.clientCredentialsGrant(config, { scope: `api://${entra.clientId}/.default` })
    await expect(callerOf(tokens.access_token)).rejects.toMatchObject({ code: 'NOT_SIGNED_IN' })
  })

  test('needs the right secret', async () => {
    const config = await appConfig('not-the-secret')
    const asked = openid.clientCredentialsGrant(config, { scope: 'https://graph.microsoft.com/.default' })
    await expect(asked).rejects.toMatchObject({ error: 'invalid_client', status: 401 })
  })
})
