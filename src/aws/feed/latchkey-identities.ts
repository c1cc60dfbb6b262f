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
 * Who Latchkey is in this account: whom the elevation roles let in. What else a trust policy names, preflight and `latchkey doctor` refuse;
 * somebody who was added is a difference of the rules' patterns too.
 */
export async function readIdentities(clients: RegionClients, place: FeedRegion): Promise<readonly string[]> {
  const found = await Promise.all(place.elevationRoles.map((arn) => readTrusted(clients, arn)))
  return [...new Set(found.flat())].sort()
}

async function readTrusted(clients: RegionClients, arn: string): Promise<readonly string[]> {
  const RoleName = arn.slice(arn.lastIndexOf('/') + 1)
  const told = await orAbsent(
    askFor(clients, `to show the elevation role ${RoleName}`, () => clients.iam.send(new GetRoleCommand({ RoleName }))),
  )
  const document: unknown = JSON.parse(decodeURIComponent(told?.Role?.AssumeRolePolicyDocument ?? '{"Statement":[]}'))
  const { data } = trust.safeParse(document)
  const allowed = data?.Statement.filter(({ Effect }) => Effect === 'Allow') ?? []
  return allowed.flatMap(({ Principal }) => Principal.AWS).filter((named) => IDENTITY.test(named))
}
