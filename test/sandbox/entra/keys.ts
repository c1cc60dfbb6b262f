import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto'
import { type JWTPayload, SignJWT } from 'jose'

export interface SigningKey {
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

/** The newest signs; the older ones stay published until they are withdrawn, as Entra's do. */
export interface KeyRing {
  readonly current: SigningKey
  readonly published: readonly SigningKey[]
}

export function createKey(): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { kid: randomUUID().replaceAll('-', ''), privateKey, publicKey }
}

export function privateJwks({ published }: KeyRing): { keys: object[] } {
  return {
    keys: published.map(({ kid, privateKey }) => ({ ...privateKey.export({ format: 'jwk' }), kid, use: 'sig' })),
  }
}

export function sign(claims: JWTPayload, key: SigningKey): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ typ: 'JWT', alg: 'RS256', kid: key.kid }).sign(key.privateKey)
}
