import { z } from 'zod'
import { isServiceUrl } from './bot-settings.ts'
import { Refused } from './refused.ts'
import type { Connector } from './verify-connector-token.ts'

/** The fields of a Teams activity that Latchkey reads. Plain JSON, as on the wire. */

const account = z.looseObject({ id: z.string().min(1), name: z.string().optional() })

const activity = z.looseObject({
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

export type Activity = z.output<typeof activity>

/** The bot and the tenant that an activity must be for, and the service URLs that it may come from. */
export interface OurBot {
  readonly appId: string
  readonly tenantId: string
  readonly serviceUrls: readonly string[]
}

/** @throws Refused if the body is not an activity, or not from our tenant's Teams */
export function readActivity(body: unknown, connector: Connector, ours: OurBot): Activity {
  const parsed = activity.safeParse(body)
  if (!parsed.success) throw new Refused(400, `activity-${String(parsed.error.issues[0]?.path[0] ?? 'shape')}`)
  refuseOtherOrigin(parsed.data, connector, ours)
  return parsed.data
}

/** The activity must name the service URL of the token, which must be one of ours, and our tenant only. */
function refuseOtherOrigin(received: Activity, connector: Connector, { tenantId, serviceUrls }: OurBot): void {
  if (received.serviceUrl !== connector.serviceUrl) throw new Refused(401, 'other-service-url')
  if (!isServiceUrl(connector.serviceUrl, serviceUrls)) throw new Refused(403, 'service-url-not-listed')
  if (received.channelId !== 'msteams') throw new Refused(403, 'other-channel')
  const tenants = [received.conversation?.tenantId, received.channelData?.tenant?.id].filter((id) => id !== undefined)
  if (tenants.length === 0 || tenants.some((id) => id !== tenantId)) throw new Refused(403, 'other-tenant')
}
