import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { type JWTPayload, jwtVerify, SignJWT } from 'jose'
import { keyMaker, type SigningKey } from '../entra/keys.ts'
import { TeamsFault } from './fault.ts'

/** Issues and verifies the tokens between Bot Connector, the bot and Entra's token endpoint. */

const CONNECTOR_ISSUER = 'https://api.botframework.com'
const CONNECTOR_AUDIENCE = 'https://api.botframework.com'
const CONNECTOR_HOUR_SECONDS = 3_600
const BOT_TOKEN_SECONDS = 86_399

export interface Authority {
  readonly keys: { readonly endorsed: SigningKey; readonly notEndorsed: SigningKey }
  /** The claims of Bot Connector's token when it calls the bot. */
  connectorClaims(serviceUrl: string): JWTPayload
  connectorToken(serviceUrl: string, algorithm?: 'RS256' | 'RS512'): Promise<string>
  metadata(origin: string): object
  publishedKeys(): object
  /** Entra's discovery document for the bot's login. */
  discovery(loginUrl: string): object
  answerToken(request: IncomingMessage, response: ServerResponse, tenantId: string): Promise<void>
  /** @throws 401 for a token that is not valid */
  authenticateBot(authorization: string | undefined): Promise<void>
  /** Refuses every token that the bot has so far. */
  expireBotTokens(): void
}

export function createAuthority(setup: {
  readonly appId: string
  readonly appPassword: string
  readonly tenantId: string
}): Authority {
  const createKey = keyMaker('teams')
  const endorsed = createKey()
  const notEndorsed = createKey()
  let loginKey = createKey()

  function connectorClaims(serviceUrl: string): JWTPayload {
    const now = Math.floor(Date.now() / 1_000)
    return {
      serviceurl: serviceUrl,
      nbf: now,
      exp: now + CONNECTOR_HOUR_SECONDS,
      iss: CONNECTOR_ISSUER,
      aud: setup.appId,
    }
  }

  function botToken(): Promise<string> {
    return new SignJWT({ appid: setup.appId, tid: setup.tenantId, ver: '1.0' })
      .setProtectedHeader({ typ: 'JWT', alg: 'RS256', kid: loginKey.kid })
      .setIssuer(`https://sts.windows.net/${setup.tenantId}/`)
      .setAudience(CONNECTOR_AUDIENCE)
      .setIssuedAt()
      .setNotBefore('0s')
      .setExpirationTime(`${BOT_TOKEN_SECONDS}s`)
      .sign(loginKey.privateKey)
  }

  async function answerToken(request: IncomingMessage, response: ServerResponse, tenantId: string): Promise<void> {
    const fault = tokenFault(await formOf(request), tenantId, setup)
    if (fault !== undefined) {
      const body = {
        error: fault.error,
        error_description: `${fault.code}: ${fault.text}`,
        error_codes: [fault.number],
      }
      return sendJson(response, fault.status, body)
    }
    const token = { token_type: 'Bearer', expires_in: BOT_TOKEN_SECONDS, ext_expires_in: BOT_TOKEN_SECONDS }
    sendJson(response, 200, { ...token, access_token: await botToken() })
  }

  return {
    keys: { endorsed, notEndorsed },
    connectorClaims,
    connectorToken: (serviceUrl, alg = 'RS256') =>
      new SignJWT(connectorClaims(serviceUrl))
        .setProtectedHeader({ typ: 'JWT', alg, kid: endorsed.kid })
        .sign(endorsed.privateKey),
    metadata: (origin) => ({
      issuer: CONNECTOR_ISSUER,
      authorization_endpoint: 'https://invalid.botframework.com',
      jwks_uri: `${origin}/v1/.well-known/keys`,
      id_token_signing_alg_values_supported: ['RS256'],
      token_endpoint_auth_methods_supported: ['private_key_jwt'],
    }),
    publishedKeys: () => ({ keys: [published(endorsed, ['msteams']), published(notEndorsed, ['webchat'])] }),
    discovery: (loginUrl) => ({
      issuer: `${loginUrl}/${setup.tenantId}/v2.0`,
      authorization_endpoint: `${loginUrl}/${setup.tenantId}/oauth2/v2.0/authorize`,
      token_endpoint: `${loginUrl}/${setup.tenantId}/oauth2/v2.0/token`,
      jwks_uri: `${loginUrl}/${setup.tenantId}/discovery/v2.0/keys`,
      token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
      response_types_supported: ['code'],
      subject_types_supported: ['pairwise'],
      id_token_signing_alg_values_supported: ['RS256'],
    }),
    answerToken,
    async authenticateBot(authorization) {
      const token = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1] ?? ''
      const issuer = `https://sts.windows.net/${setup.tenantId}/`
      const checks = { algorithms: ['RS256'], audience: CONNECTOR_AUDIENCE, issuer }
      try {
        await jwtVerify(token, loginKey.publicKey, checks)
      } catch {
        throw new TeamsFault(401, 'Unauthorized', 'Authorization has been denied for this request.')
      }
    },
    expireBotTokens() {
      loginKey = createKey()
    },
  }
}

function published({ kid, publicKey }: SigningKey, endorsements: readonly string[]): object {
  return { ...publicKey.export({ format: 'jwk' }), use: 'sig', kid, x5t: kid, endorsements }
}

interface TokenFault {
  readonly status: number
  readonly error: string
  readonly code: string
  readonly number: number
  readonly text: string
}

/** Checks in Entra's order and returns Entra's texts ("Microsoft Entra authentication and authorization error codes"). */
function tokenFault(
  form: URLSearchParams,
  tenantId: string,
  known: { readonly appId: string; readonly appPassword: string; readonly tenantId: string },
): TokenFault | undefined {
  const fault = (status: number, error: string, number: number, sentence: string): TokenFault => ({
    status,
    error,
    code: `AADSTS${number}`,
    number,
    text: sentence,
  })
  if (tenantId !== known.tenantId) {
    return fault(400, 'invalid_request', 90002, `Tenant '${tenantId}' not found.`)
  }
  if (form.get('grant_type') !== 'client_credentials') {
    return fault(400, 'unsupported_grant_type', 70003, 'The app requested an unsupported grant type.')
  }
  if (form.get('client_id') !== known.appId) {
    return fault(400, 'unauthorized_client', 700016, 'Application was not found in the directory.')
  }
  if (form.get('client_secret') !== known.appPassword) {
    return fault(401, 'invalid_client', 7000215, 'Invalid client secret provided.')
  }
  if (form.get('scope') !== `${CONNECTOR_AUDIENCE}/.default`) {
    return fault(400, 'invalid_scope', 70011, 'The provided value for the input parameter scope is not valid.')
  }
  return undefined
}

/** Reads the form. Entra takes the client's id and secret in the body or in a Basic header. */
async function formOf(request: IncomingMessage): Promise<URLSearchParams> {
  const form = new URLSearchParams(await text(request))
  const basic = /^Basic (\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
  if (basic === undefined) return form
  const [id = '', ...secret] = Buffer.from(basic, 'base64').toString('utf8').split(':')
  form.set('client_id', decodeURIComponent(id))
  form.set('client_secret', decodeURIComponent(secret.join(':')))
  return form
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(JSON.stringify(body))
}
