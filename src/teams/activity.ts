import { z } from 'zod'
import type { Caller } from '../rules/caller.ts'
import { isServiceUrl } from './bot-settings.ts'
import { Refused } from './refused.ts'
import type { Connector } from './verify-connector-token.ts'

/** What Teams sends, as far as it matters here. Plain JSON, as on the wire. */

const account = z.looseObject({ id: z.string().min(1), name: z.string().optional() })

export const activitySchema = z.looseObject({
  type: z.string().min(1),
  name: z.string().optional(),
  channelId: z.string().optional(),
  serviceUrl: z.string().optional(),
  from: account.extend({ aadObjectId: z.guid().optional() }).optional(),
  conversation: z.looseObject({ id: z.string().min(1), tenantId: z.string().optional() }).optional(),
  channelData: z.looseObject({ tenant: z.looseObject({ id: z.string() }).optional() }).nullish(),
  replyToId: z.string().optional(),
  action: z.string().optional(),
})

export type Heard = z.output<typeof activitySchema>

export function parseActivity(body: unknown): Heard {
  const parsed = activitySchema.safeParse(body)
  if (parsed.success) return parsed.data
  throw new Refused(400, `activity-${String(parsed.error.issues[0]?.path[0] ?? 'shape')}`)
}

interface Ours {
  readonly tenantId: string
  readonly serviceUrls: readonly string[]
}

/** The token says from where Teams calls; what the activity says must be that, and ours. */
export function refuseForeign(heard: Heard, connector: Connector, { tenantId, serviceUrls }: Ours): void {
  if (heard.serviceUrl !== connector.serviceUrl) throw new Refused(401, 'other-service-url')
  if (!isServiceUrl(connector.serviceUrl, serviceUrls)) throw new Refused(403, 'service-url-not-listed')
  if (heard.channelId !== 'msteams') throw new Refused(403, 'other-channel')
  const tenants = [heard.conversation?.tenantId, heard.channelData?.tenant?.id].filter((id) => id !== undefined)
  if (tenants.length === 0 || tenants.some((id) => id !== tenantId)) throw new Refused(403, 'other-tenant')
}

/** Whom the channel's token vouches for. Undefined: a bot, a connector, the service itself. */
export function personOf({ from }: Heard, tenantId: string, appId: string): Caller | undefined {
  if (from?.aadObjectId === undefined) return undefined
  return {
    tenantId,
    objectId: from.aadObjectId.toLowerCase(),
    name: from.name ?? from.aadObjectId,
    roles: [],
    clientId: appId,
    address: 'teams',
  }
}
