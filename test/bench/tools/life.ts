import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { z } from 'zod'
import type { PersonName } from '../../../sandbox/entra/fixture.ts'
import type { RecordKind } from '../../../src/store/commit.ts'
import { type Answer, CLOUDTRAIL_KEY, RULES, type World } from '../../fixtures/world.ts'
import { s3Event } from './s3-events.ts'

/** The steps of a request's life. Each resolves when its result is on record. */

/** Rules by which exactly one person may approve. */
export const ONE_APPROVER = RULES.replace('from: [manager, "group:data-owners"]', 'from: [manager]')

export const ASK = { scope: 's3://finance-reports/2026/', levels: ['write'], duration: '45m', reason: 'month-end fix' }
const APPROVE = { decision: 'approve', comment: 'fine' }
const LONGEST_WAIT_MS = 30_000
/** The key of the world's processes. */
export const APPROVAL_KEY = 'a1'.repeat(32)

const stored = z.looseObject({
  status: z.string().optional(),
  grantId: z.string().optional(),
  reference: z.string().optional(),
  dead: z.string().optional(),
  copies: z.array(z.string()).default([]),
  terms: z.object({ principal: z.object({ roleId: z.string() }) }).optional(),
})

export interface Life {
  /** A Redis client that does not go through Latchkey. */
  readonly cli: Redis
  ask(person: PersonName): Promise<string>
  approve(person: PersonName, requestId: string): Promise<string>
  untilStatus(grantId: string, status: string): Promise<void>
  vend(person: PersonName, grantId: string): Promise<void>
  /** Opens a console link with new credentials each time. */
  openConsole(person: PersonName, grantId: string): Promise<void>
  /** Makes this many S3 writes with the grant; resolves when CloudTrail's records of them are counted. */
  write(grantId: string, count: number): Promise<void>
  /** Says "done"; resolves when AWS was read back. */
  done(person: PersonName, grantId: string): Promise<void>
  grantOf(requestId: string): Promise<string>
  read(kind: RecordKind, id: string): Promise<z.infer<typeof stored>>
  close(): void
}

/** `redisPath` is the socket of the Redis itself, so that the reads here are never counted. */
export function openLife(world: World, redisPath: string): Life {
  const cli = new Redis(redisPath)

  async function read(kind: RecordKind, id: string) {
    return stored.parse(JSON.parse((await cli.hget(`{latchkey}:${kind}:${id}`, 'json')) ?? '{}'))
  }

  async function untilStatus(grantId: string, status: string): Promise<void> {
    await until(`${grantId} is ${status}`, async () => (await read('grant', grantId)).status === status)
  }

  return {
    cli,
    read,
    untilStatus,
    grantOf: async (requestId) => (await read('request', requestId)).grantId ?? '',
    ask: async (person) => demand(await world.call(person, '/requests', ASK)).id ?? '',
    approve: async (person, requestId) =>
      demand(await world.call(person, `/requests/${requestId}/reviews`, APPROVE)).grantId ?? '',
    async vend(person, grantId) {
      demand(await world.call(person, `/grants/${grantId}/credentials`))
    },
    async openConsole(person, grantId) {
      demand(await world.call(person, `/grants/${grantId}/console`))
    },
    async write(grantId, count) {
      const { terms } = await read('grant', grantId)
      const principal = `${terms?.principal.roleId}:${grantId}`
      await Promise.all(Array.from({ length: count }, () => tell(world, s3Event(principal))))
      const written = async () => Number(await cli.hget(`{latchkey}:digest:${grantId}`, 'written'))
      await until(`${count} writes are counted`, async () => (await written()) === count)
    },
    async done(person, grantId) {
      demand(await world.call(person, `/grants/${grantId}/end`))
      await untilStatus(grantId, 'revoked')
    },
    close: () => cli.disconnect(),
  }
}

function demand({ status, body }: Answer): Answer['body'] {
  if (status < 300) return body
  throw new Error(`Answered ${status}: ${body.error?.message}`)
}

async function tell({ web }: World, event: object): Promise<void> {
  const headers = { 'content-type': 'application/json', 'x-latchkey-key': CLOUDTRAIL_KEY }
  const answer = await fetch(`${web.url}/api/cloudtrail`, { method: 'POST', headers, body: JSON.stringify(event) })
  if (answer.status !== 202) throw new Error(`A record was answered ${answer.status}: ${await answer.text()}`)
}

/** Waits for a fact. @throws when it does not come in time */
export async function until(what: string, fact: () => Promise<boolean>, longestMs = LONGEST_WAIT_MS): Promise<void> {
  const giveUpAt = performance.now() + longestMs
  while (!(await fact())) {
    if (performance.now() > giveUpAt) throw new Error(`Waited in vain until ${what}.`)
    await delay(10)
  }
}
