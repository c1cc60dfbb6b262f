import { createHash, randomUUID } from 'node:crypto'
import type { SandboxPerson } from './company.ts'

/** The claims of Entra's tokens, after Microsoft's "Access token claims reference" and "ID token claims reference". */

export const GRAPH_AUDIENCE = 'https://graph.microsoft.com'

interface Times {
  readonly iat: number
  readonly nbf: number
  readonly exp: number
}

/** Entra draws the lifetime between 60 and 90 minutes. */
export function timesFrom(nowSeconds: number, lifetimeSeconds = 4_000): Times {
  return { iat: nowSeconds, nbf: nowSeconds, exp: nowSeconds + lifetimeSeconds }
}

/** Entra's `sub` is another one for each application. */
export function pairwiseSubject(personId: string, clientId: string): string {
  return createHash('sha256').update(`${personId} ${clientId}`).digest('base64url')
}

interface Delegated {
  readonly issuer: string
  readonly tenantId: string
  /** Our API's client id. */
  readonly audience: string
  readonly clientId: string
  readonly scopes: string
}

/** A v2 access token of a person for our API. `roles` is absent when there are none. */
export function delegatedClaims(person: SandboxPerson, token: Delegated): Record<string, unknown> {
  return {
    iss: token.issuer,
    aud: token.audience,
    tid: token.tenantId,
    oid: person.id,
    sub: pairwiseSubject(person.id, token.audience),
    azp: token.clientId,
    azpacr: '0',
    scp: token.scopes,
    name: person.displayName,
    preferred_username: person.userPrincipalName,
    ...(person.appRoles.length > 0 ? { roles: person.appRoles } : {}),
    uti: tokenId(),
    ver: '2.0',
  }
}

/** A v2 token that an app holds for itself: no `scp`, and `oid` and `sub` are its service principal. */
export function appClaims(token: Omit<Delegated, 'scopes'>): Record<string, unknown> {
  const servicePrincipal = servicePrincipalOf(token.clientId)
  return {
    iss: token.issuer,
    aud: token.audience,
    tid: token.tenantId,
    oid: servicePrincipal,
    sub: servicePrincipal,
    azp: token.clientId,
    azpacr: '1',
    idtyp: 'app',
    uti: tokenId(),
    ver: '2.0',
  }
}

/** Graph takes tokens of version 1: another issuer, `appid` for `azp`, the app's permissions as roles. */
export function graphAppClaims(token: {
  readonly tenantId: string
  readonly clientId: string
  readonly permissions: readonly string[]
}): Record<string, unknown> {
  const servicePrincipal = servicePrincipalOf(token.clientId)
  return {
    iss: `https://sts.windows.net/${token.tenantId}/`,
    aud: GRAPH_AUDIENCE,
    tid: token.tenantId,
    oid: servicePrincipal,
    sub: servicePrincipal,
    appid: token.clientId,
    appidacr: '1',
    idtyp: 'app',
    roles: token.permissions,
    uti: tokenId(),
    ver: '1.0',
  }
}

function servicePrincipalOf(clientId: string): string {
  const hash = createHash('sha256').update(`service principal ${clientId}`).digest('hex')
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-4${hash.slice(13, 16)}-a${hash.slice(17, 20)}-${hash.slice(20, 32)}`
}

function tokenId(): string {
  return Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url')
}
