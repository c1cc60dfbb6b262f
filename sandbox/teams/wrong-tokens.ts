import { type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import { createKey, type SigningKey, sign } from '../entra/keys.ts'

/** `Authorization` headers that must be refused. Each differs from Bot Connector's in one thing. */

const OTHER_APP = '11111111-2222-4333-8444-555555555555'
const HOUR_SECONDS = 3_600

interface Keys {
  readonly endorsed: SigningKey
  readonly notEndorsed: SigningKey
}

type Forgery = (claims: JWTPayload, keys: Keys) => Promise<string | undefined> | string | undefined

const FORGERIES = {
  missing: () => undefined,
  'not a token': () => 'Bearer latchkey',
  'of another scheme': async (claims, { endorsed }) => `Basic ${await sign(claims, endorsed)}`,
  unsigned: (claims) => bearer(new UnsecuredJWT(claims).encode()),
  /** Signed with the public key as if it were a shared secret. Everyone has the public key. */
  'signed with HS256 and the public key': async (claims, { endorsed }) =>
    bearer(
      await new SignJWT(claims)
        .setProtectedHeader({ typ: 'JWT', alg: 'HS256', kid: endorsed.kid })
        .sign(Buffer.from(endorsed.publicKey.export({ type: 'spki', format: 'pem' }))),
    ),
  'signed by somebody under a published key id': async (claims, { endorsed }) =>
    bearer(await sign(claims, { ...createKey('stranger'), kid: endorsed.kid })),
  'signed with an unknown key': async (claims) => bearer(await sign(claims, createKey('stranger'))),
  'without a key id': async (claims, { endorsed }) =>
    bearer(await new SignJWT(claims).setProtectedHeader({ typ: 'JWT', alg: 'RS256' }).sign(endorsed.privateKey)),
  'not endorsed for Teams': async (claims, { notEndorsed }) => bearer(await sign(claims, notEndorsed)),
  'for another bot': changed((claims) => ({ ...claims, aud: OTHER_APP })),
  'without an audience': changed(({ aud: _, ...claims }) => claims),
  'issued by somebody else': changed((claims) => ({ ...claims, iss: 'https://api.botframework.example' })),
  'for another service URL': changed((claims) => ({ ...claims, serviceurl: 'https://smba.example/teams/' })),
  'without a service URL': changed(({ serviceurl: _, ...claims }) => claims),
  expired: changed((claims) => shift(claims, -2 * HOUR_SECONDS)),
  'not valid yet': changed((claims) => shift(claims, HOUR_SECONDS)),
  'changed after signing': async (claims, { endorsed }) => {
    const [header, , signature] = (await sign(claims, endorsed)).split('.')
    const payload = Buffer.from(JSON.stringify({ ...claims, role: 'owner' })).toString('base64url')
    return bearer(`${header}.${payload}.${signature}`)
  },
} satisfies Record<string, Forgery>

export type WrongBotToken = keyof typeof FORGERIES

export const WRONG_BOT_TOKENS = Object.keys(FORGERIES) as readonly WrongBotToken[]

export async function wrongHeader(wrong: WrongBotToken, claims: JWTPayload, keys: Keys): Promise<string | undefined> {
  const forge: Forgery = FORGERIES[wrong]
  return forge(claims, keys)
}

function changed(change: (claims: JWTPayload) => JWTPayload): Forgery {
  return async (claims, { endorsed }) => bearer(await sign(change(claims), endorsed))
}

function bearer(token: string): string {
  return `Bearer ${token}`
}

function shift(claims: JWTPayload, seconds: number): JWTPayload {
  return { ...claims, nbf: Number(claims.nbf) + seconds, exp: Number(claims.exp) + seconds }
}
