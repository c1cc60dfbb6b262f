import { createHash, randomUUID } from 'node:crypto'
import type { SandboxPerson } from './tenant.ts'

/** The claims of Entra's tokens ("Access token claims reference", "ID token claims reference"). */

export const GRAPH_AUDIENCE = 'https://graph.microsoft.com'

interface Times {
  readonly iat: number
  readonly nbf: number
  readonly exp: number
}

/** Entra picks a lifetime between 60 and 90 minutes. */
export function timesFrom(nowSeconds: number, lifetimeSeconds = 4_000): Times {
  return { iat: nowSeconds, nbf: nowSeconds, exp: nowSeconds + lifetimeSeconds }
}

/** Entra's `sub` of a person differs for each application. */
export function pairwiseSubject(personId: string, clientId: string): string {
  return createHash('sha256').update(`${personId} ${clientId}`).digest('base64url')
}

interface Delegated {
  readonly issuer: string
  readonly tenantId: string
  /** The client id of our API. */
  readonly audience: string
  readonly clientId: string
  readonly scopes: string
}

/** The claims of a person's v2 access token for our API. `roles` is absent when the person has none. */
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

/** The claims of an app's own v2 token: no `scp`; `oid` and `sub` are its service principal. */
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

/** The claims of a version 1 token for Graph: another issuer, `appid` in place of `azp`, and the app's permissions as roles. */
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
