import type { OidcContext, Provider, ProviderClient, ProviderToken, TokenPayload } from 'oidc-provider'
import { appClaims, delegatedClaims, GRAPH_AUDIENCE, graphAppClaims, pairwiseSubject } from './claims.ts'
import { type KeyRing, privateJwks } from './keys.ts'
import { OidcProvider, oidcErrors } from './load-provider.ts'
import { faultPage } from './sign-in-page.ts'
import type { MemoryAdapter } from './store.ts'
import type { Tenant } from './tenant.ts'

const GRAPH_DEFAULT_SCOPE = `${GRAPH_AUDIENCE}/.default`
const ACCESS_TOKEN_SECONDS = 4_000
const DAY_SECONDS = 86_400

/** The settings that an administrator registers in Entra. */
export interface Registrations {
  /** `ENTRA_CLIENT_ID`: sign-in, Graph, and the API. */
  readonly clientId: string
  readonly clientSecret: string
  readonly redirectUris: readonly string[]
  /** `ENTRA_CLI_CLIENT_ID`: a public client. */
  readonly cliClientId: string
  /** Loopback URIs; Entra ignores their port. */
  readonly cliRedirectUris: readonly string[]
  /** Application permissions for Graph with admin consent. */
  readonly graphPermissions: readonly string[]
  /** `MAIL_SENDER`: the only mailbox that Mail.Send may send from. */
  readonly mailSender: string
}

interface ErrorOut {
  readonly error: string
  readonly error_description?: string
}

interface Setup extends Registrations {
  readonly issuer: string
  readonly tenantId: string
  readonly tenant: Tenant
  readonly keys: KeyRing
  /** Claims that replace the right ones in ID tokens. */
  readonly misstated: () => TokenPayload
  /** Person → the authentication contexts that the person's sign-ins satisfied. */
  readonly contexts: ReadonlyMap<string, ReadonlySet<string>>
  readonly adapter: MemoryAdapter
  /** The key that signs the browser's cookies. */
  readonly cookieKey: string
}

/** A certified OpenID provider library with Entra's URLs, scopes and claims. */
export function createProvider(setup: Setup): Provider {
  const apiUri = `api://${setup.clientId}`
  const apiScope = `${apiUri}/access_as_user`
  return new OidcProvider(setup.issuer, {
    clients: clients(setup),
    jwks: privateJwks(setup.keys),
    adapter: setup.adapter,
    cookies: { keys: [setup.cookieKey] },
    subjectTypes: ['pairwise'],
    pairwiseIdentifier: (_context: OidcContext, personId: string, client: ProviderClient) =>
      pairwiseSubject(personId, client.clientId),
    sectorIdentifierUriValidate: () => false,
    // The library does not pass the `claims` parameter for access tokens, so it is passed under another name.
    extraParams: ['demanded'],
    claims: {
      openid: ['sub', 'oid', 'tid', 'ver', 'roles', 'acrs'],
      profile: ['name', 'preferred_username'],
      email: ['email'],
    },
    conformIdTokenClaims: false,
    findAccount: (_context: OidcContext, personId: string) => findAccount(setup, personId),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      userinfo: { enabled: false },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: (context: OidcContext, _client: unknown, oneOf?: string | readonly string[]) =>
          resourceOf(context, apiScope, apiUri) ?? oneOf,
        getResourceServerInfo: (_context: OidcContext, resource: string) => resourceServer(setup, resource, apiUri),
        useGrantedResource: () => true,
      },
    },
    formats: {
      customizers: {
        jwt: (_context: OidcContext, token: ProviderToken, jwt: { header: object; payload: TokenPayload }) =>
          dress(setup, token, jwt, apiUri),
      },
    },
    renderError: (context: { type: string; body: string }, { error, error_description }: ErrorOut, cause: Error) => {
      context.type = 'html'
      context.body = faultPage(`${error}: ${error_description ?? cause.message}`)
    },
    interactions: {
      url: (_context: OidcContext, interaction: { uid: string }) => `/${setup.tenantId}/sign-in/${interaction.uid}`,
    },
    routes: { authorization: '/oauth2/v2.0/authorize', token: '/oauth2/v2.0/token', jwks: '/discovery/v2.0/keys' },
    scopes: ['openid', 'offline_access', 'profile', 'email'],
    responseTypes: ['code'],
    ttl: {
      Session: DAY_SECONDS,
      Grant: DAY_SECONDS,
      RefreshToken: DAY_SECONDS,
      Interaction: 3_600,
      IdToken: 3_600,
      AuthorizationCode: 600,
      AccessToken: ACCESS_TOKEN_SECONDS,
      ClientCredentials: ACCESS_TOKEN_SECONDS,
    },
    clientBasedCORS: () => false,
  })
}

function clients(setup: Setup): readonly object[] {
  return [
    {
      client_id: setup.clientId,
      client_secret: setup.clientSecret,
      client_name: 'Latchkey',
      token_endpoint_auth_method: 'client_secret_post',
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
      response_types: ['code'],
      sector_identifier_uri: setup.issuer,
      redirect_uris: setup.redirectUris,
    },
    {
      client_id: setup.cliClientId,
      client_name: 'Latchkey CLI',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      sector_identifier_uri: setup.issuer,
      redirect_uris: setup.cliRedirectUris,
    },
  ]
}

/** A disabled person gets no further token, not even by a refresh token. */
function findAccount({ tenant, tenantId, misstated, contexts }: Setup, personId: string) {
  const person = tenant.person(personId)
  if (person === undefined || !person.accountEnabled) return undefined
  return {
    accountId: personId,
    claims: () => ({
      sub: personId,
      oid: personId,
      tid: tenantId,
      ver: '2.0',
      name: person.displayName,
      preferred_username: person.userPrincipalName,
      email: person.mail,
      ...(person.appRoles.length > 0 ? { roles: person.appRoles } : {}),
      ...metBy(contexts, personId),
      ...misstated(),
    }),
  }
}

/** Entra has no `resource` parameter; the scope names the resource. */
function resourceOf(context: OidcContext, apiScope: string, apiUri: string): string | undefined {
  const scopes = context.oidc.params.scope?.split(' ') ?? []
  if (scopes.includes(GRAPH_DEFAULT_SCOPE)) return GRAPH_AUDIENCE
  if (scopes.includes(apiScope) || scopes.includes(`${apiUri}/.default`)) return apiUri
  return undefined
}

function resourceServer(setup: Setup, resource: string, apiUri: string): object {
  const common = { accessTokenTTL: ACCESS_TOKEN_SECONDS, accessTokenFormat: 'jwt' }
  const jwt = { sign: { alg: 'RS256', kid: setup.keys.current.kid } }
  if (resource === GRAPH_AUDIENCE) return { ...common, jwt, scope: GRAPH_DEFAULT_SCOPE, audience: GRAPH_AUDIENCE }
  if (resource === apiUri) {
    return { ...common, jwt, scope: `${apiUri}/access_as_user ${apiUri}/.default`, audience: setup.clientId }
  }
  throw new oidcErrors.InvalidTarget(`AADSTS500011: The resource principal named ${resource} was not found.`)
}

/** Replaces the library's claims with Entra's. */
function dress(setup: Setup, token: ProviderToken, jwt: { header: object; payload: TokenPayload }, apiUri: string) {
  const { issuer, tenantId, clientId: audience } = setup
  const { iat, exp, aud } = jwt.payload
  const person = token.accountId === undefined ? undefined : setup.tenant.person(token.accountId)
  const scopes = (token.scope ?? '').replaceAll(`${apiUri}/`, '')
  const delegated = { issuer, tenantId, audience, clientId: token.clientId, scopes }
  jwt.header = { typ: 'JWT' }
  jwt.payload = {
    ...(aud === GRAPH_AUDIENCE
      ? graphAppClaims({ tenantId, clientId: token.clientId, permissions: setup.graphPermissions })
      : person
        ? { ...delegatedClaims(person, delegated), ...metBy(setup.contexts, person.id) }
        : appClaims(delegated)),
    iat,
    nbf: iat,
    exp,
  }
}

/** `acrs` is present only when a context was satisfied. */
function metBy(contexts: Setup['contexts'], personId: string): { readonly acrs?: readonly string[] } {
  const met = contexts.get(personId)
  return met === undefined ? {} : { acrs: [...met] }
}
