import { createHmac, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import type { FastifyInstance } from 'fastify'

/** Forged tokens that are right in everything but their signature: each must be refused before the service listens. */

export interface TokenFacts {
  readonly issuer: string
  readonly audience: string
  readonly tenantId: string
  readonly clientId: string
  readonly scope: string
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function claimsOf({ issuer, audience, tenantId, clientId, scope }: TokenFacts): object {
  const now = Math.floor(Date.now() / 1000)
  const oid = '00000000-0000-4000-8000-000000000000'
  const times = { iat: now - 60, nbf: now - 60, exp: now + 600 }
  return { iss: issuer, aud: audience, tid: tenantId, azp: clientId, scp: scope, ver: '2.0', oid, sub: oid, ...times }
}

function forgeTokens(facts: TokenFacts): Readonly<Record<string, string>> {
  const claims = encode(claimsOf(facts))
  const signed = (alg: string, signature: (text: string) => Buffer) => {
    const text = `${encode({ alg, typ: 'JWT' })}.${claims}`
    return `${text}.${signature(text).toString('base64url')}`
  }
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return {
    unsigned: signed('none', () => Buffer.alloc(0)),
    HS256: signed('HS256', (text) => createHmac('sha256', randomBytes(32)).update(text).digest()),
    'self-signed': signed('RS256', (text) => sign('sha256', Buffer.from(text), privateKey)),
  }
}

/** The status that each forged token got, by kind. Only 401 is right; 503 says that the authority cannot be asked yet. */
export async function tryForgedTokens(app: FastifyInstance, facts: TokenFacts): Promise<ReadonlyMap<string, number>> {
  const statuses = new Map<string, number>()
  for (const [kind, token] of Object.entries(forgeTokens(facts))) {
    const headers = { authorization: `Bearer ${token}` }
    const { statusCode } = await app.inject({ method: 'GET', url: '/api/v1/requests', headers })
    statuses.set(kind, statusCode)
  }
  return statuses
}
