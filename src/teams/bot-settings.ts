/** The bot's registration in Azure. The SDK gets each value from here, and never reads the environment itself. */
export interface BotSettings {
  /** `MicrosoftAppId`. */
  readonly appId: string
  /** Only a bot of the type `SingleTenant` has a password. */
  readonly appPassword?: string
  readonly appType: 'SingleTenant' | 'UserAssignedMSI'
  /** The tenant of the registration. */
  readonly tenantId: string
  /** OpenID metadata of Bot Connector, which names the keys of its tokens. */
  readonly openIdMetadataUrl: string
  /** The authority that issues the bot's own tokens. */
  readonly loginUrl: string
  /** Allowed service URLs of Teams, as origin and path prefix. New chats are opened at the first one. */
  readonly serviceUrls: readonly string[]
}

/**
 * Whether a URL is below one of the service URLs; the bot's token may be sent to it. Compares origin and path, not the
 * beginning of the text: `https://smba.trafficmanager.net.example` begins like the real one.
 */
export function isServiceUrl(url: string, serviceUrls: readonly string[]): boolean {
  const given = partsOf(url)
  return given !== undefined && serviceUrls.some((one) => isBelow(given, partsOf(one)))
}

interface Parts {
  readonly origin: string
  readonly path: string
}

function partsOf(url: string): Parts | undefined {
  if (!URL.canParse(url)) return undefined
  const { origin, pathname, username, password } = new URL(url)
  if (username !== '' || password !== '') return undefined
  return { origin, path: pathname.endsWith('/') ? pathname : `${pathname}/` }
}

function isBelow(given: Parts, allowed: Parts | undefined): boolean {
  return allowed !== undefined && given.origin === allowed.origin && given.path.startsWith(allowed.path)
}
