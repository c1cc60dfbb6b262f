import { setTimeout as delay } from 'node:timers/promises'
import { ClientSecretCredential, ManagedIdentityCredential, type TokenCredential } from '@azure/identity'
import type { BotSettings } from './bot-settings.ts'

const MICROSOFT_LOGIN = 'https://login.microsoftonline.com'
const CONNECTOR_SCOPE = 'https://api.botframework.com/.default'
const TOKEN_TIMEOUT_MS = 5_000

/** The bot's credentials, in the form that the SDK expects. */
export interface ConnectorCredentials {
  signRequest<R extends Signable>(request: R): Promise<R>
  /** Drops the cached token, after Bot Connector refused it. The next call gets a new one. */
  forget(): void
}

export interface Signable {
  readonly headers: { set(name: string, value: string): void }
}

/**
 * Nothing was sent: the authority cannot be reached, or does not know the bot. The library distinguishes the two only
 * by text.
 */
export class NoToken extends Error {
  override readonly name = 'NoToken'
}

/**
 * The bot's own token for Bot Connector. The SDK's own credentials would ask Microsoft for the list of authorities, and
 * accept no other.
 */
export function connectorCredentials(settings: BotSettings): ConnectorCredentials {
  let credential = credentialOf(settings)
  return {
    async signRequest(request) {
      request.headers.set('authorization', `Bearer ${await tokenOf(credential)}`)
      return request
    },
    forget() {
      credential = credentialOf(settings)
    },
  }
}

/** The library does not pass an abort signal to everything it waits for, so the wait is ended here. */
async function tokenOf(credential: TokenCredential): Promise<string> {
  const late = new AbortController()
  try {
    const given = await Promise.race([
      credential.getToken(CONNECTOR_SCOPE),
      delay(TOKEN_TIMEOUT_MS, null, { signal: late.signal }),
    ])
    if (given !== null) return given.token
  } catch (error) {
    throw new NoToken('The bot got no token.', { cause: error })
  } finally {
    late.abort()
  }
  throw new NoToken('The bot got no token in time.')
}

function credentialOf({ appType, appId, appPassword, tenantId, loginUrl }: BotSettings): TokenCredential {
  if (appType === 'UserAssignedMSI') return new ManagedIdentityCredential({ clientId: appId })
  if (appPassword === undefined) throw new Error('A bot of one tenant has a password.')
  return new ClientSecretCredential(tenantId, appId, appPassword, {
    authorityHost: loginUrl,
    // Instance discovery asks Microsoft whether the authority is one of theirs. The sandbox's is not.
    disableInstanceDiscovery: loginUrl !== MICROSOFT_LOGIN,
    retryOptions: { maxRetries: 1 },
  })
}
