/** Of the bot's registration in Azure, handed to the SDK value by value: it never reads the environment itself. */
export interface BotSettings {
  /** `MicrosoftAppId`. */
  readonly appId: string
  /** Of `SingleTenant` only. */
  readonly appPassword?: string
  readonly appType: 'SingleTenant' | 'UserAssignedMSI'
  /** Where the registration is. */
  readonly tenantId: string
  /** Who vouches for Bot Connector. */
  readonly openIdMetadataUrl: string
  /** Who vouches for the bot. */
  readonly loginUrl: string
  /** Where Teams may be: origin and path prefix. The first one opens chats that nobody has opened. */
  readonly serviceUrls: readonly string[]
}

/** The bot's token is sent there: compared part by part, since `https://smba.trafficmanager.net.example` begins alike. */
export function isServiceUrl(url: string, serviceUrls: readonly string[]): boolean {
  const asked = partsOf(url)
  return asked !== undefined && serviceUrls.some((one) => isBelow(asked, partsOf(one)))
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

function isBelow(asked: Parts, allowed: Parts | undefined): boolean {
  return allowed !== undefined && asked.origin === allowed.origin && asked.path.startsWith(allowed.path)
}
