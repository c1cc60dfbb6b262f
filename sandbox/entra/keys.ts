import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type JWTPayload, SignJWT } from 'jose'
import { runFolder } from '../certificate.ts'

export interface SigningKey {
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

/** The newest key signs. Older keys stay published until they are withdrawn, as in Entra. */
export interface KeyRing {
  readonly current: SigningKey
  readonly published: readonly SigningKey[]
}

/** Makes the keys of one server. Servers of the same `owner` have the same keys with different key ids. */
export function keyMaker(owner: string): () => SigningKey {
  let made = 0
  return () => {
    made += 1
    return createKey(`${owner}-${made}`)
  }
}

export function createKey(name: string): SigningKey {
  const privateKey = keyOfRun(name)
  return { kid: randomUUID().replaceAll('-', ''), privateKey, publicKey: createPublicKey(privateKey) }
}

/** Returns a key that is made once per run, because making one takes a fifth of a second of processor time. */
function keyOfRun(name: string): KeyObject {
  const path = join(runFolder(), `signing-${name}.pem`)
  if (existsSync(path)) return createPrivateKey(readFileSync(path))
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  // The rename is atomic, because other processes read at the same time. The last writer wins, and every reader gets a whole key.
  const whole = `${path}.${process.pid}`
  writeFileSync(whole, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  renameSync(whole, path)
  return privateKey
}

export function privateJwks({ published }: KeyRing): { keys: object[] } {
  return {
    keys: published.map(({ kid, privateKey }) => ({ ...privateKey.export({ format: 'jwk' }), kid, use: 'sig' })),
  }
}

export function sign(claims: JWTPayload, key: SigningKey): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ typ: 'JWT', alg: 'RS256', kid: key.kid }).sign(key.privateKey)
}
