import { ClientSecretCredential, ManagedIdentityCredential, type TokenCredential } from '@azure/identity'
import type { BotSettings } from './settings.ts'

const MICROSOFT_LOGIN = 'https://login.microsoftonline.com'
const CONNECTOR_SCOPE = 'https://api.botframework.com/.default'
const TOKEN_TIMEOUT_MS = 5_000

/** As the SDK wants them. */
export interface ConnectorCredentials {
  signRequest<R extends Signable>(request: R): Promise<R>
  /** Bot Connector does not take the token that we hold: the next one is a new one. */
  forget(): void
}

export interface Signable {
  readonly headers: { set(name: string, value: string): void }
}

/** The bot's own token towards Bot Connector. The SDK would ask Microsoft which authorities there are, and know no other. */
export function connectorCredentials(settings: BotSettings): ConnectorCredentials {
  let credential = credentialOf(settings)
  return {
    async signRequest(request) {
      const token = await credential.getToken(CONNECTOR_SCOPE, { abortSignal: AbortSignal.timeout(TOKEN_TIMEOUT_MS) })
      if (token === null) throw new Error('The identity of the bot gave no token.')
      request.headers.set('authorization', `Bearer ${token.token}`)
      return request
    },
    forget() {
      credential = credentialOf(settings)
    },
  }
}

function credentialOf({ appType, appId, appPassword, tenantId, loginUrl }: BotSettings): TokenCredential {
  if (appType === 'UserAssignedMSI') return new ManagedIdentityCredential({ clientId: appId })
  if (appPassword === undefined) throw new Error('A bot of one tenant has a password.')
  return new ClientSecretCredential(tenantId, appId, appPassword, {
    authorityHost: loginUrl,
    /** Instance discovery asks Microsoft whether the authority is one of theirs: the sandbox's is not. */
    disableInstanceDiscovery: loginUrl !== MICROSOFT_LOGIN,
    retryOptions: { maxRetries: 1 },
  })
}
