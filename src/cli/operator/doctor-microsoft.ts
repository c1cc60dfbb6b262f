import type { Setup } from '../../config.ts'
import { readPermissions } from '../../graph/permissions.ts'
import { connectorCredentials } from '../../teams/credentials.ts'
import { type Finding, runCheck } from './finding.ts'

const NEEDED = ['User.Read.All', 'GroupMember.Read.All']
const TIMEOUT_MS = 5_000

export async function microsoftFindings(service: Setup): Promise<readonly Finding[]> {
  const byArea = await Promise.all([
    runCheck('Entra and Graph', () => permissions(service)),
    runCheck('Bot', () => bot(service)),
    runCheck('Endpoint', () => endpoint(service)),
  ])
  return byArea.flat()
}

async function permissions({ config: { entra, mailSender } }: Setup): Promise<readonly Finding[]> {
  const area = 'Entra and Graph'
  const granted = await readPermissions(entra).catch(() => undefined)
  if (granted === undefined) {
    const next = 'See ENTRA_TENANT_ID, ENTRA_CLIENT_ID and ENTRA_CLIENT_SECRET, and whether the secret has run out.'
    return [{ area, state: 'wrong', says: 'Entra gives no token for Graph.', next }]
  }
  const mail: Finding = {
    area,
    state: 'note',
    says: `Mail is sent from ${mailSender}; whether it may be, only sending one tells.`,
  }
  return [...NEEDED.map((name) => permission(area, name, granted)), ...(mailSender === undefined ? [] : [mail])]
}

function permission(area: string, name: string, granted: readonly string[]): Finding {
  if (granted.includes(name)) return { area, state: 'ok', says: `${name} is granted.` }
  const next = `Add the application permission ${name} to the registration, with admin consent.`
  return { area, state: 'wrong', says: `${name} is missing: approvers cannot be found.`, next }
}

async function bot({ config: { bot: settings } }: Setup): Promise<readonly Finding[]> {
  const area = 'Bot'
  const headers = new Headers()
  try {
    await connectorCredentials(settings).signRequest({ headers })
    return [{ area, state: 'ok', says: 'Its registration gets a token for Bot Connector.' }]
  } catch {
    const next =
      'See MicrosoftAppId, MicrosoftAppPassword and MicrosoftAppTenantId, and whether the secret has run out.'
    return [{ area, state: 'wrong', says: 'Its registration gets no token for Bot Connector.', next }]
  }
}

async function endpoint({ config: { publicUrl } }: Setup): Promise<readonly Finding[]> {
  const area = 'Endpoint'
  const response = await fetch(new URL('/readyz', publicUrl), {
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  if (response.ok) return [{ area, state: 'ok', says: `${publicUrl} is Latchkey, and ready.` }]
  const next = 'See its log; and that PUBLIC_URL leads to Latchkey.'
  return [{ area, state: 'wrong', says: `${publicUrl} answers ${response.status}.`, next }]
}
