import { type AccessToken, ClientSecretCredential } from '@azure/identity'
import {
  AuthenticationHandler,
  AuthenticationHandlerOptions,
  Client,
  type GraphRequest,
  HTTPMessageHandler,
  TelemetryHandler,
} from '@microsoft/microsoft-graph-client'

const MICROSOFT_AUTHORITY = 'https://login.microsoftonline.com'
/** The credential's own renewal begins then too. */
const RENEW_BEFORE_MS = 5 * 60_000
export const GRAPH_SCOPE = 'https://graph.microsoft.com/.default'

export interface GraphOptions {
  readonly authority: string
  readonly tenantId: string
  readonly clientId: string
  readonly clientSecret: string
  /** `https://graph.microsoft.com`; another one only in the sandbox. */
  readonly graphBaseUrl: string
}

export function graphCredential({
  authority,
  tenantId,
  clientId,
  clientSecret,
}: Omit<GraphOptions, 'graphBaseUrl'>): ClientSecretCredential {
  const { origin } = new URL(authority)
  return new ClientSecretCredential(tenantId, clientId, clientSecret, {
    authorityHost: origin,
    /** Instance discovery asks Microsoft whether the authority is one of theirs: the sandbox's is not. */
    disableInstanceDiscovery: origin !== MICROSOFT_AUTHORITY,
    retryOptions: { maxRetries: 1 },
  })
}

/** Starts one request whose token and whose transfer both end with the signal. */
export type GraphApi = (path: string, signal: AbortSignal) => GraphRequest

export function graphApi(options: GraphOptions): GraphApi {
  const base = new URL(options.graphBaseUrl)
  const credential = graphCredential(options)

  let kept: AccessToken | undefined
  async function accessToken(abortSignal?: AbortSignal): Promise<string> {
    // The credential would find it in a cache of its own, at the price of half the click.
    if (kept !== undefined && kept.expiresOnTimestamp - Date.now() > RENEW_BEFORE_MS) return kept.token
    kept = await credential.getToken(GRAPH_SCOPE, abortSignal ? { abortSignal } : {})
    return kept.token
  }

  const client = Client.initWithMiddleware({
    baseUrl: base.origin,
    defaultVersion: 'v1.0',
    /** The SDK sends the token only to hosts it knows, and knows them without their port. */
    customHosts: new Set([base.hostname]),
    middleware: chain(new AuthenticationHandler({ getAccessToken: () => accessToken() })),
  })

  return function api(path, signal) {
    return client
      .api(path)
      .option('signal', signal)
      .middlewareOptions([new AuthenticationHandlerOptions({ getAccessToken: () => accessToken(signal) })])
  }
}

/** The SDK's default chain without its retries, which wait up to three minutes and cannot be interrupted. */
function chain(authentication: AuthenticationHandler): AuthenticationHandler {
  const telemetry = new TelemetryHandler()
  authentication.setNext(telemetry)
  telemetry.setNext(new HTTPMessageHandler())
  return authentication
}
