import { PutObjectCommand, S3Client, S3ServiceException } from '@aws-sdk/client-s3'
import { Redis } from 'ioredis'
import { expect, vi } from 'vitest'
import { z } from 'zod'
import type { AuditEvent } from '../../src/audit/events.ts'
import { DENY_POLICY, parseDenyDocument } from '../../src/grants/deny-document.ts'
import type { DenyDocument } from '../../src/grants/driver.ts'
import type { CallDescription } from '../sandbox/aws/call.ts'
import type { Held, HoldOptions, Matcher } from '../sandbox/aws/faults.ts'
import type { JournalEntry } from '../sandbox/aws/journal.ts'
import type { PersonName } from '../sandbox/entra/fixture.ts'
import { type Answer, startWorld, type World, type WorldOptions } from '../sandbox/world.ts'

/** What every chaos test stands on: a world, a look into its Redis past Latchkey, and credentials that are kept and tried. */

/** Nothing here is quick by promise; a test that waits for longer than this waits for something that does not come. */
export const IN_TIME = { timeout: 120_000, interval: 100 }

/** For `faults.fail`: every answer until the faults are cleared. */
export const AWS_IS_DOWN = { code: 'ServiceUnavailable', status: 503, times: Number.POSITIVE_INFINITY }

const BUCKET = 'finance-reports'
const PREFIX = `s3://${BUCKET}/2026/`

export interface Kept {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
}

const grantFacts = z.looseObject({ status: z.string(), endsAt: z.string().optional() })

const auditFacts = z.looseObject({ kind: z.string(), grantId: z.string().optional() })

export interface AuditEntry {
  /** ms since 1970, by Redis. */
  readonly at: number
  readonly event: z.output<typeof auditFacts>
}

export interface Ask {
  readonly by?: PersonName
  readonly approver?: PersonName
  readonly minutes?: number
}

export interface Chaos {
  readonly world: World
  readonly redis: Redis
  ask(ask?: Ask): Promise<string>
  approve(requestId: string, approver?: PersonName): Promise<string>
  /** Asked and approved; what the workers make of it is another matter. The grant's id. */
  approved(ask?: Ask): Promise<string>
  /** Asked, approved and active. */
  active(ask?: Ask): Promise<string>
  show(grantId: string): Promise<Answer['body']>
  untilStatus(grantId: string, status: string): Promise<void>
  vend(grantId: string, by?: PersonName): Promise<Kept>
  /** What S3 says to a write with these credentials: `written`, or AWS's error code. */
  write(kept: Kept): Promise<string>
  /** Everything of one kind that the audit holds about a grant. */
  audit(kind: AuditEvent['kind'], grantId?: string): Promise<readonly AuditEntry[]>
  /** The grant as Redis holds it. */
  record(grantId: string): Promise<z.output<typeof grantFacts>>
  /** When the due index wakes somebody up for this grant. */
  due(grantId: string): Promise<string | null>
  /** `aws:userid` of the grant's sessions. */
  userId(grantId: string): string
  /** What the elevation role refuses, now or as it was at that time. */
  deny(at?: number): DenyDocument | undefined
  /** What the workers asked of AWS since that many entries of the journal. */
  workersCalls(since: number): readonly JournalEntry[]
  stop(): Promise<void>
}

async function startChaos(options: WorldOptions): Promise<Chaos> {
  const world = await startWorld(options)
  const redis = new Redis(world.redis.url)
  // Redis is killed under some tests; who asks then gets the error, and nobody else needs it.
  redis.on('error', () => {})
  const show = async (grantId: string) => (await world.call('max', `/grants/${grantId}`)).body
  const chaos: Chaos = {
    world,
    redis,
    show,
    ask: (ask) => send(world, ask),
    approve: (requestId, approver) => approve(world, requestId, approver),
    approved: async (ask) => approve(world, await send(world, ask), ask?.approver),
    async active(ask) {
      const grantId = await chaos.approved(ask)
      await chaos.untilStatus(grantId, 'active')
      return grantId
    },
    untilStatus: (grantId, status) =>
      vi.waitFor(async () => expect((await chaos.record(grantId)).status, grantId).toBe(status), IN_TIME),
    vend: (grantId, by = 'rita') => vend(world, grantId, by),
    write: (kept) => write(world, kept),
    audit: (kind, grantId) => readAudit(redis, kind, grantId),
    async record(grantId) {
      return grantFacts.parse(JSON.parse((await redis.hget(`{latchkey}:grant:${grantId}`, 'json')) ?? '{}'))
    },
    due: (grantId) => redis.zscore('{latchkey}:due:grants', grantId),
    userId: (grantId) => `${roleOf(world).roleId}:${grantId}`,
    deny: (at = world.aws.clock.now()) => denyOf(world, at),
    workersCalls: (since) =>
      world.aws.journal
        .entries()
        .slice(since)
        .filter(({ identity }) => identity?.endsWith('/latchkey-workers')),
    async stop() {
      redis.disconnect()
      await world.stop()
    },
  }
  return chaos
}

/** One world for one test, stopped on every way out; what its processes wrote is shown when the test fails. */
export async function withChaos(tell: (chaos: Chaos) => Promise<void>, options: WorldOptions = {}): Promise<void> {
  const chaos = await startChaos(options)
  try {
    await tell(chaos)
  } catch (error) {
    console.error(chaos.world.output().slice(-6_000))
    throw error
  } finally {
    await chaos.stop()
  }
}

async function send(world: World, { by = 'rita', minutes = 45 }: Ask = {}): Promise<string> {
  const reason = 'chaos, and then month-end'
  const ask = { scope: PREFIX, levels: ['write'], durationMinutes: minutes, reason }
  const { status, body } = await world.call(by, '/requests', ask)
  expect(body.error).toBeUndefined()
  expect(status).toBe(201)
  return body.id ?? ''
}

async function approve(world: World, requestId: string, approver: PersonName = 'max'): Promise<string> {
  const review = () => world.call(approver, `/requests/${requestId}/reviews`, { decision: 'approve', comment: 'fine' })
  let { status, body } = await review()
  // 503 means that nothing was decided, as on a machine that is too slow for a click: whoever clicked clicks again.
  while (status === 503) ({ status, body } = await review())
  expect(body).toMatchObject({ status: 'approved', grantId: expect.stringMatching(/^g-/) })
  return body.grantId ?? ''
}

async function vend(world: World, grantId: string, by: PersonName): Promise<Kept> {
  const { body } = await world.call(by, `/grants/${grantId}/credentials`)
  expect(body.error).toBeUndefined()
  const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = body
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken }
}

export async function write({ aws }: World, credentials: Kept): Promise<string> {
  const client = new S3Client({
    region: 'eu-west-1',
    endpoint: aws.s3Url,
    forcePathStyle: true,
    credentials,
    maxAttempts: 1,
    // A machine whose clock is right by AWS's, wherever a test has moved that one to.
    systemClockOffset: aws.clock.now() - Date.now(),
  })
  try {
    await client.send(new PutObjectCommand({ Bucket: BUCKET, Key: '2026/report.csv', Body: 'month,total\n' }))
    return 'written'
  } catch (error) {
    if (error instanceof S3ServiceException) return error.name
    throw error
  } finally {
    client.destroy()
  }
}

async function readAudit(redis: Redis, kind: string, grantId?: string): Promise<readonly AuditEntry[]> {
  const entries = await redis.xrange('{latchkey}:audit', '-', '+')
  return entries
    .map(([id, [, text = '']]) => ({ at: Number(id.split('-')[0]), event: auditFacts.parse(JSON.parse(text)) }))
    .filter(({ event }) => event.kind === kind)
    .filter(({ event }) => grantId === undefined || event.grantId === grantId)
}

function roleOf({ seeded }: World) {
  const [role] = seeded.roles
  if (!role) throw new Error('The sandbox was seeded without a role.')
  return role
}

function denyOf(world: World, at: number): DenyDocument | undefined {
  const text = roleOf(world).inline.asOf(at).get(DENY_POLICY)
  return text === undefined ? undefined : parseDenyDocument(text)
}

/** Every session that AWS ever gave out for a grant, those too whose answer nobody got. */
export function sessionsOf({ world }: Chaos, grantId: string): readonly Kept[] {
  return [...world.aws.state.sessions.values()].filter(({ sessionName }) => sessionName === grantId)
}

/** AWS accepted nothing from the grant's sessions at or after its end. */
export function expectNothingSince({ world }: Chaos, grantId: string, endsAt: string): void {
  const late = world.aws.journal
    .entries()
    .filter(({ service, identity }) => service === 's3' && identity?.endsWith(`/${grantId}`))
    .filter(({ at, outcome }) => outcome === 'done' && Date.parse(at) >= Date.parse(endsAt))
  expect(late).toEqual([])
}

/** AWS was asked this since then, and did not do it. */
export async function untilTurnedAway({ world }: Chaos, action: string, since: number): Promise<void> {
  const seen = () => world.aws.journal.entries().slice(since)
  const refused = () => seen().filter((call) => call.action === action && call.outcome === 'refused')
  await vi.waitFor(() => expect(refused(), action).not.toEqual([]), IN_TIME)
}

/** Holds a call and the repetitions that the SDK sends when its patience ends. */
export function holdAll({ world }: Chaos, matcher: Matcher, options: HoldOptions): Held {
  const all = Array.from({ length: 8 }, () => world.aws.faults.hold(matcher, options))
  const [first] = all
  if (!first) throw new Error('nothing was held')
  return {
    arrived: first.arrived,
    release: () => all.forEach((one) => void one.release()),
    drop: () => all.forEach((one) => void one.drop()),
  }
}

/** The same call for another grant. @throws when the call names no grant: then it must be told apart in another way */
export function matcherFor(call: CallDescription, from: string, to: string): Matcher {
  const naming = Object.entries(call.parameters).filter(([, value]) => JSON.stringify(value).includes(from))
  if (naming.length === 0) throw new Error(`${call.action} names no grant`)
  const parameters = Object.fromEntries(
    naming.filter(([, value]) => value === from).map(([name]) => [name, to] as const),
  )
  return { service: call.service, action: call.action, parameters }
}
