import { setTimeout as delay } from 'node:timers/promises'
import { ClientSecretCredential, ManagedIdentityCredential, type TokenCredential } from '@azure/identity'
import type { BotSettings } from './bot-settings.ts'

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

/** Nothing was sent: the authority is away, or does not know the bot. Which of them the library does not say by anything but text. */
export class NoToken extends Error {
  override readonly name = 'NoToken'
}

/** The bot's own token towards Bot Connector. The SDK would ask Microsoft which authorities there are, and know no other. */
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

/** The library takes no signal all the way down: this ends the waiting whatever is being waited for. */
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
    /** Instance discovery asks Microsoft whether the authority is one of theirs: the sandbox's is not. */
    disableInstanceDiscovery: loginUrl !== MICROSOFT_LOGIN,
    retryOptions: { maxRetries: 1 },
  })
}
