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

/** The newest signs; the older ones stay published until they are withdrawn, as Entra's do. */
export interface KeyRing {
  readonly current: SigningKey
  readonly published: readonly SigningKey[]
}

/** Makes the keys of one server, each unlike the others. Servers of the same `owner` have the same keys, under ids of their own. */
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

/** Making one keeps a processor busy for a fifth of a second, so one run makes each key once. */
function keyOfRun(name: string): KeyObject {
  const path = join(runFolder(), `signing-${name}.pem`)
  if (existsSync(path)) return createPrivateKey(readFileSync(path))
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  // In one step, because others look at the same time; whoever comes second wins, and each is right for its own process.
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
