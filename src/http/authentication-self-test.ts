import { createHmac, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import type { FastifyInstance } from 'fastify'

/** Tries tokens that are right in everything but their signature. Each must be refused before the service listens. */

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

function timesNow(): object {
  const now = Math.floor(Date.now() / 1000)
  return { iat: now - 60, nbf: now - 60, exp: now + 600 }
}

function claimsOf({ issuer, audience, tenantId, clientId, scope }: TokenFacts): object {
  const oid = '00000000-0000-4000-8000-000000000000'
  const who = { tid: tenantId, azp: clientId, scp: scope, ver: '2.0', oid, sub: oid }
  return { iss: issuer, aud: audience, ...who, ...timesNow() }
}

/**
 * A key that no authority publishes. Both routes are tried with the same one, since it takes a fifth of a second to
 * make.
 */
export function strangeKey(): KeyObject {
  return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
}

function forgeTokens(claims: object, unknownKey: KeyObject): Readonly<Record<string, string>> {
  const encoded = encode(claims)
  const signed = (alg: string, signature: (text: string) => Buffer) => {
    const text = `${encode({ alg, typ: 'JWT' })}.${encoded}`
    return `${text}.${signature(text).toString('base64url')}`
  }
  return {
    unsigned: signed('none', () => Buffer.alloc(0)),
    HS256: signed('HS256', (text) => createHmac('sha256', randomBytes(32)).update(text).digest()),
    'self-signed': signed('RS256', (text) => sign('sha256', Buffer.from(text), unknownKey)),
  }
}

type Statuses = ReadonlyMap<string, number>
type Call = (headers: { readonly authorization?: string }) => Promise<{ readonly statusCode: number }>

async function tryAll(claims: object, unknownKey: KeyObject, call: Call): Promise<Statuses> {
  const statuses = new Map<string, number>()
  for (const [kind, token] of Object.entries(forgeTokens(claims, unknownKey))) {
    const { statusCode } = await call({ authorization: `Bearer ${token}` })
    statuses.set(kind, statusCode)
  }
  return statuses.set('no', (await call({})).statusCode)
}

/**
 * Tries the API.
 * @returns the HTTP status that each forged token got, by kind. Only 401 is right; 503: the authority cannot be asked
 * yet.
 */
export function tryForgedTokens(app: FastifyInstance, facts: TokenFacts, unknownKey: KeyObject): Promise<Statuses> {
  return tryAll(claimsOf(facts), unknownKey, (headers) =>
    app.inject({ method: 'GET', url: '/api/v1/requests', headers }),
  )
}

export interface ConnectorFacts {
  readonly issuer: string
  readonly audience: string
  readonly serviceUrl: string
}

/** Like `tryForgedTokens`, for the route of Teams. */
export function tryForgedActivities(
  app: FastifyInstance,
  facts: ConnectorFacts,
  unknownKey: KeyObject,
): Promise<Statuses> {
  const { issuer, audience, serviceUrl } = facts
  const payload = { type: 'message', channelId: 'msteams', serviceUrl, text: 'my access' }
  const claims = { iss: issuer, aud: audience, serviceurl: serviceUrl, ...timesNow() }
  return tryAll(claims, unknownKey, (headers) => app.inject({ method: 'POST', url: '/api/messages', headers, payload }))
}
