import { GetRoleCommand } from '@aws-sdk/client-iam'
import { z } from 'zod'
import { askFor, orAbsent, type RegionClients } from '../region-clients.ts'
import type { FeedRegion } from '../regions.ts'

const oneOrMore = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat())
const trust = z.object({
  Statement: z.array(
    z.object({ Effect: z.string(), Principal: z.object({ AWS: oneOrMore.default([]) }).catch({ AWS: [] }) }),
  ),
})

const IDENTITY = /^arn:[\w-]+:iam::\d{12}:(role|user)\//

/**
 * ARNs of Latchkey's own identities, taken from the trust policies of the account's elevation roles. Preflight and
 * `latchkey doctor` refuse a trust policy that names others. An added ARN also shows as a difference of the EventBridge
 * rules' patterns.
 */
export async function readIdentities(clients: RegionClients, feedRegion: FeedRegion): Promise<readonly string[]> {
  const trusted = await Promise.all(feedRegion.elevationRoles.map((arn) => readTrusted(clients, arn)))
  return [...new Set(trusted.flat())].sort()
}

async function readTrusted(clients: RegionClients, arn: string): Promise<readonly string[]> {
  const RoleName = arn.slice(arn.lastIndexOf('/') + 1)
  const response = await orAbsent(
    askFor(clients, `to show the elevation role ${RoleName}`, () => clients.iam.send(new GetRoleCommand({ RoleName }))),
  )
  const document: unknown = JSON.parse(
    decodeURIComponent(response?.Role?.AssumeRolePolicyDocument ?? '{"Statement":[]}'),
  )
  const { data } = trust.safeParse(document)
  const allowed = data?.Statement.filter(({ Effect }) => Effect === 'Allow') ?? []
  return allowed.flatMap(({ Principal }) => Principal.AWS).filter((named) => IDENTITY.test(named))
}
