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

let created = 0

/** Unlike every other key of this process. */
export function createKey(): SigningKey {
  created += 1
  const privateKey = keyOfRun(created)
  return { kid: randomUUID().replaceAll('-', ''), privateKey, publicKey: createPublicKey(privateKey) }
}

/** Making one keeps a processor busy for a fifth of a second, so the processes of one run that come later read what the first one made. */
function keyOfRun(position: number): KeyObject {
  const path = join(runFolder(), `signing-${position}.pem`)
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
