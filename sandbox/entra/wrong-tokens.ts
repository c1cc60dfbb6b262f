import { type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import { createKey, type SigningKey, sign } from './keys.ts'

/** Tokens that must be refused. Each differs from a good one in one thing. */

const HOUR_SECONDS = 3_600
const OTHER_TENANT = '0f0e0d0c-0b0a-4908-8706-050403020100'
const OTHER_APP = '11111111-2222-4333-8444-555555555555'

type Change = (claims: JWTPayload) => JWTPayload

const CLAIM_CHANGES = {
  'wrong audience': (claims) => ({ ...claims, aud: OTHER_APP }),
  'for Graph': (claims) => ({ ...claims, aud: 'https://graph.microsoft.com' }),
  'issued by another tenant': (claims) => ({
    ...claims,
    tid: OTHER_TENANT,
    iss: String(claims.iss).replace(String(claims.tid), OTHER_TENANT),
  }),
  'of another tenant under our issuer': (claims) => ({ ...claims, tid: OTHER_TENANT }),
  'of version 1': (claims) => ({ ...claims, ver: '1.0', iss: `https://sts.windows.net/${claims.tid}/` }),
  'of version 1 under our issuer': (claims) => ({ ...claims, ver: '1.0' }),
  'issued by somebody else': (claims) => ({ ...claims, iss: 'https://login.example/v2.0' }),
  expired: (claims) => shift(claims, -2 * HOUR_SECONDS),
  'not valid yet': (claims) => shift(claims, HOUR_SECONDS),
  'without an end': ({ exp: _, ...claims }) => claims,
  'without a person': ({ oid: _, ...claims }) => claims,
  'with a person who is no object id': (claims) => ({ ...claims, oid: 'rita@harbour.example' }),
  'without a tenant': ({ tid: _, ...claims }) => claims,
  'for another permission': (claims) => ({ ...claims, scp: 'User.Read access_as_user.readonly' }),
  'without a permission': ({ scp: _, ...claims }) => claims,
  'of an app with a permission of people': (claims) => ({ ...claims, idtyp: 'app' }),
  'of a client that is not listed': (claims) => ({ ...claims, azp: OTHER_APP }),
  'without a client': ({ azp: _, ...claims }) => claims,
} satisfies Record<string, Change>

type Forgery = (claims: JWTPayload, key: SigningKey) => Promise<string> | string

const FORGERIES = {
  'signed with another key under our key id': (claims, key) => sign(claims, { ...createKey('stranger'), kid: key.kid }),
  'signed with an unknown key': (claims) => sign(claims, createKey('stranger')),
  /** Signed with the public key as if it were a shared secret. Everyone has the public key. */
  'signed with HS256 and the public key': (claims, key) =>
    new SignJWT(claims)
      .setProtectedHeader({ typ: 'JWT', alg: 'HS256', kid: key.kid })
      .sign(Buffer.from(key.publicKey.export({ type: 'spki', format: 'pem' }))),
  'signed with RS512': (claims, key) =>
    new SignJWT(claims).setProtectedHeader({ typ: 'JWT', alg: 'RS512', kid: key.kid }).sign(key.privateKey),
  unsigned: (claims) => new UnsecuredJWT(claims).encode(),
  'changed after signing': async (claims, key) => {
    const [header, , signature] = (await sign(claims, key)).split('.')
    const changed = Buffer.from(JSON.stringify({ ...claims, roles: ['Latchkey.Owner'] })).toString('base64url')
    return `${header}.${changed}.${signature}`
  },
} satisfies Record<string, Forgery>

export type WrongToken = keyof typeof CLAIM_CHANGES | keyof typeof FORGERIES

export const WRONG_TOKENS: readonly WrongToken[] = [
  ...(Object.keys(CLAIM_CHANGES) as (keyof typeof CLAIM_CHANGES)[]),
  ...(Object.keys(FORGERIES) as (keyof typeof FORGERIES)[]),
]

export async function makeWrong(wrong: WrongToken, claims: JWTPayload, key: SigningKey): Promise<string> {
  if (isForgery(wrong)) return FORGERIES[wrong](claims, key)
  return sign(CLAIM_CHANGES[wrong](claims), key)
}

function isForgery(wrong: WrongToken): wrong is keyof typeof FORGERIES {
  return wrong in FORGERIES
}

function shift(claims: JWTPayload, seconds: number): JWTPayload {
  return {
    ...claims,
    iat: Number(claims.iat) + seconds,
    nbf: Number(claims.nbf) + seconds,
    exp: Number(claims.exp) + seconds,
  }
}
