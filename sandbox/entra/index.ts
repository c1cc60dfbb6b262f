import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { JWTPayload } from 'jose'
import { serverCertificate } from '../certificate.ts'
import { type Mailboxes, startMailboxes } from '../mailbox/index.ts'
import { signInAs } from './browser.ts'
import { appClaims, delegatedClaims, timesFrom } from './claims.ts'
import { createFaults, type Faults, type Part } from './faults.ts'
import { MAIL_SENDER, TENANT, TENANT_ID } from './fixture.ts'
import { createGraph, type GraphCall } from './graph.ts'
import { statusBody } from './graph-errors.ts'
import { authenticateApp } from './graph-tokens.ts'
import { type KeyRing, keyMaker, sign } from './keys.ts'
import { createProvider, type Registrations } from './provider.ts'
import { answerSignIn } from './sign-in.ts'
import { memoryAdapter } from './store.ts'
import { createTenant, type Tenant, type TenantData } from './tenant.ts'
import { makeWrong, type WrongToken } from './wrong-tokens.ts'

export interface EntraOptions extends Partial<Registrations>, Partial<TenantData> {
  readonly tenantId?: string
  readonly port?: number
}

export interface SandboxEntra
  extends Registrations,
    Pick<Mailboxes, 'mailboxUrl' | 'mails' | 'waitForMail' | 'elsewhere'> {
  /** `ENTRA_AUTHORITY`. */
  readonly authority: string
  /** `GRAPH_BASE_URL`. */
  readonly graphBaseUrl: string
  readonly tenantId: string
  readonly issuer: string
  /** `api://<ENTRA_CLIENT_ID>/access_as_user` */
  readonly apiScope: string
  readonly tenant: Tenant
  readonly faults: Pick<Faults, 'fail' | 'heal' | 'struck'>
  /** The calls that Graph itself answered. `faults.struck` counts the others. */
  readonly graphCalls: readonly GraphCall[]
  /** Acts as the person's browser. Returns the last redirect, which contains the code. */
  signIn(personId: string, authorizationUrl: string): Promise<URL>
  /** Makes an access token as the person's CLI gets it. */
  mint(personId: string, claims?: JWTPayload): Promise<string>
  mintAppOnly(): Promise<string>
  mintWrong(wrong: WrongToken, personId: string): Promise<string>
  /** Signs with a new key from now on. The old keys stay published or are withdrawn at once. */
  rotateKeys(options?: { readonly withdrawOld: boolean }): void
  /** Puts these claims into ID tokens instead of the right ones, until the next call. */
  misstate(claims: JWTPayload): void
  /** Registers one more redirect URI of the web app, for a server whose port is known only now. */
  allowRedirect(uri: string): void
  stop(): Promise<void>
}

const LOOPBACK = ['http://localhost', 'http://127.0.0.1', 'http://localhost/callback', 'http://127.0.0.1/callback']

export async function startEntra(options: EntraOptions = {}): Promise<SandboxEntra> {
  const registrations = register(options)
  const tenantId = options.tenantId ?? TENANT_ID
  const tenant = createTenant({ ...TENANT, ...defined(options) })
  const faults = createFaults((part, status) =>
    part === 'graph' ? statusBody(status) : { error: 'temporarily_unavailable' },
  )
  const server = createServer(serverCertificate())
  server.listen(options.port ?? 0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The sandbox is not listening on a port.')
  const authority = `https://127.0.0.1:${address.port}`
  const issuer = `${authority}/${tenantId}/v2.0`

  const createKey = keyMaker('entra')
  const first = createKey()
  let keys: KeyRing = { current: first, published: [first] }
  const contexts = new Map<string, Set<string>>()
  const kept = { adapter: memoryAdapter(), cookieKey: randomUUID(), contexts }
  const redirectUris = [...registrations.redirectUris]
  let misstated: JWTPayload = {}
  const makeProvider = () =>
    createProvider({
      ...registrations,
      ...kept,
      redirectUris,
      issuer,
      tenantId,
      tenant,
      keys,
      misstated: () => misstated,
    })
  let provider = makeProvider()
  const boxes = await startMailboxes(tenant)
  const accounts = () => tenant.people().flatMap(({ id, userPrincipalName }) => [id, userPrincipalName.toLowerCase()])
  const graph = createGraph({
    tenant,
    post: { boxes, senders: [registrations.mailSender], isKnown: (sender) => accounts().includes(sender) },
    origin: () => authority,
    authenticate: (authorization) => authenticateApp(authorization, tenantId, keys),
  })

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const part = partOf(request.url ?? '/')
    if (await faults.strike(part, request, response)) return
    if (part === 'graph') return graph.handle(request, response)
    if (request.url?.startsWith(`/${tenantId}/sign-in/`))
      return answerSignIn({ provider, tenant, contexts }, request, response)
    toProvidersAddress(request, tenantId)
    provider.callback()(request, response)
  }

  server.on('request', (request, response) => {
    handle(request, response).catch((error: unknown) => {
      response.statusCode = 500
      response.end(`The sandbox's Entra failed: ${error instanceof Error ? error.stack : String(error)}`)
    })
  })

  const token = { issuer, tenantId, audience: registrations.clientId, clientId: registrations.cliClientId }
  const times = () => timesFrom(Math.floor(Date.now() / 1_000))
  function claimsOf(personId: string): JWTPayload {
    const person = tenant.person(personId)
    if (person === undefined) throw new Error(`Nobody in the sandbox's company has the id ${personId}.`)
    return { ...delegatedClaims(person, { ...token, scopes: 'access_as_user' }), ...times() }
  }

  return {
    ...registrations,
    authority,
    graphBaseUrl: authority,
    tenantId,
    issuer,
    apiScope: `api://${registrations.clientId}/access_as_user`,
    tenant,
    faults,
    graphCalls: graph.calls,
    mailboxUrl: boxes.mailboxUrl,
    elsewhere: boxes.elsewhere,
    mails: boxes.mails,
    waitForMail: boxes.waitForMail,
    signIn: signInAs,
    mint: async (personId, claims = {}) => sign({ ...claimsOf(personId), ...claims }, keys.current),
    mintAppOnly: async () => sign({ ...appClaims(token), ...times() }, keys.current),
    mintWrong: async (wrong, personId) => makeWrong(wrong, claimsOf(personId), keys.current),
    rotateKeys({ withdrawOld } = { withdrawOld: false }) {
      const current = createKey()
      keys = { current, published: [current, ...(withdrawOld ? [] : keys.published)] }
      provider = makeProvider()
    },
    misstate(claims) {
      misstated = claims
    },
    allowRedirect(uri) {
      redirectUris.push(uri)
      provider = makeProvider()
    },
    async stop() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await Promise.all([closed, boxes.stop()])
    },
  }
}

function register(options: Partial<Registrations>): Registrations {
  return {
    clientId: options.clientId ?? randomUUID(),
    clientSecret: options.clientSecret ?? `SANDBOX-${randomUUID()}`,
    redirectUris: options.redirectUris ?? ['http://127.0.0.1:3978/sign-in/callback'],
    cliClientId: options.cliClientId ?? randomUUID(),
    cliRedirectUris: options.cliRedirectUris ?? LOOPBACK,
    graphPermissions: options.graphPermissions ?? ['User.Read.All', 'GroupMember.Read.All', 'Mail.Send'],
    mailSender: options.mailSender ?? MAIL_SENDER,
  }
}

function defined({ people, groups, contacts }: Partial<TenantData>): Partial<TenantData> {
  return { ...(people && { people }), ...(groups && { groups }), ...(contacts && { contacts }) }
}

function partOf(path: string): Part {
  if (path.startsWith('/v1.0/')) return 'graph'
  return /\/(?:discovery\/v2\.0\/keys|\.well-known\/openid-configuration)$/.test(path) ? 'keys' : 'tokens'
}

/**
 * Entra puts `v2.0` elsewhere in its URLs than the library, which is mounted at the tenant and reads `originalUrl`.
 * The library drops `offline_access` unless consent is requested. In Entra an administrator consented once, and no page appears.
 */
function toProvidersAddress(request: IncomingMessage & { originalUrl?: string }, tenantId: string): void {
  const mount = `/${tenantId}`
  const url = new URL(request.url ?? '/', 'https://sandbox')
  const path = url.pathname.replace(`${mount}/v2.0/.well-known/`, `${mount}/.well-known/`)
  const scopes = url.searchParams.get('scope')?.split(' ') ?? []
  if (
    path === `${mount}/oauth2/v2.0/authorize` &&
    scopes.includes('offline_access') &&
    !url.searchParams.has('prompt')
  ) {
    url.searchParams.set('prompt', 'consent')
  }
  const claims = url.searchParams.get('claims')
  if (claims !== null) {
    url.searchParams.delete('claims')
    url.searchParams.set('demanded', claims)
  }
  request.originalUrl = `${path}${url.search}`
  request.url = path.startsWith(mount) ? request.originalUrl.slice(mount.length) : request.originalUrl
}
