import { PutObjectCommand, S3Client, S3ServiceException } from '@aws-sdk/client-s3'
import { Redis } from 'ioredis'
import { pino } from 'pino'
import { expect, vi } from 'vitest'
import { z } from 'zod'
import { type AuditEvent, auditEvent } from '../../src/audit/events.ts'
import { DENY_POLICY, parseDenyDocument } from '../../src/grants/deny-document.ts'
import type { RecordKind, RecordPort } from '../../src/record.ts'
import { type Connection, connect } from '../../src/redis/connections.ts'
import { redisRecord } from '../../src/redis/record.ts'
import type { PersonName } from '../sandbox/entra/fixture.ts'
import { type Answer, startWorld, type World, type WorldOptions } from '../sandbox/world.ts'

/** What tests of the whole product stand on: a world, its Redis past Latchkey, and the moves that people make. */

const PREFIX = 's3://finance-reports/2026/'
export const ASK = { scope: PREFIX, levels: ['write'], duration: '45m', reason: 'month-end fix' }
export const APPROVE = { decision: 'approve', comment: 'fine' }
export const DENY = { decision: 'deny', comment: 'not now' }

/** Long: a test that waits longer waits for something that does not come. */
const IN_TIME = { timeout: 50_000, interval: 20 }

const jsonObject = z.record(z.string(), z.unknown())

export type JsonObject = z.output<typeof jsonObject>
type Kind = AuditEvent['kind']
export type EventOf<K extends Kind> = Extract<AuditEvent, { kind: K }>

export interface Product extends World {
  /** As somebody with `redis-cli` has it. */
  readonly cli: Redis
  /** The record as Latchkey has it. */
  readonly record: RecordPort
  /** The id of a request that waits for its decision. */
  ask(person?: PersonName, changes?: object): Promise<string>
  review(person: PersonName, requestId: string, review: object): Promise<Answer>
  /** Asked, and approved by Max or another; the grant's id. */
  approved(person?: PersonName, changes?: object, approver?: PersonName): Promise<string>
  /** The same, and active: needs workers. */
  active(person?: PersonName, changes?: object): Promise<string>
  vend(person: PersonName, grantId: string): Promise<Answer>
  untilStatus(grantId: string, status: string): Promise<void>
  stored(kind: RecordKind, id: string): Promise<JsonObject>
  /** Writes into Redis past Latchkey. */
  forge(kind: RecordKind, id: string, value: object): Promise<void>
  /** All that the audit holds, oldest first. */
  audit(): Promise<readonly AuditEvent[]>
  events<K extends Kind>(kind: K, id?: string): Promise<readonly EventOf<K>[]>
  /** `aws:userid` values that AWS refuses now. */
  denied(): readonly string[]
}

export async function startProduct(options: WorldOptions = {}): Promise<Product> {
  const world = await startWorld(options)
  const cli = new Redis(world.redis.url)
  const connection = connect(world.redis.url, 'request', pino({ level: 'silent' }))
  await ready(connection)

  async function ask(person: PersonName = 'rita', changes: object = {}): Promise<string> {
    const { status, body } = await world.call(person, '/requests', { ...ASK, ...changes })
    expect(body.error).toBeUndefined()
    expect([status, body.status]).toEqual([201, 'pending'])
    return body.id ?? ''
  }
  const review = (person: PersonName, id: string, body: object) => world.call(person, `/requests/${id}/reviews`, body)
  async function approved(person?: PersonName, changes?: object, approver: PersonName = 'max'): Promise<string> {
    const requestId = await ask(person, changes)
    let { status, body } = await review(approver, requestId, APPROVE)
    // 503 means that nothing was decided, as on a machine that is too slow for a click: whoever clicked clicks again.
    while (status === 503) ({ status, body } = await review(approver, requestId, APPROVE))
    expect(body).toMatchObject({ status: 'approved', grantId: expect.stringMatching(/^g-/) })
    return body.grantId ?? ''
  }
  async function stored(kind: RecordKind, id: string): Promise<JsonObject> {
    return jsonObject.parse(JSON.parse((await cli.hget(`{latchkey}:${kind}:${id}`, 'json')) ?? '{}'))
  }
  async function untilStatus(grantId: string, status: string): Promise<void> {
    await vi.waitFor(async () => expect((await stored('grant', grantId)).status, grantId).toBe(status), IN_TIME)
  }
  const audit = () => readAudit(cli)

  return {
    ...world,
    cli,
    record: redisRecord(connection),
    ask,
    review,
    approved,
    async active(person, changes) {
      const grantId = await approved(person, changes)
      await untilStatus(grantId, 'active')
      return grantId
    },
    vend: (person, grantId) => world.call(person, `/grants/${grantId}/credentials`),
    untilStatus,
    stored,
    async forge(kind, id, value) {
      const key = `{latchkey}:${kind}:${id}`
      const version = (await cli.hget(key, 'version')) ?? '1'
      await cli.hset(key, { version, json: JSON.stringify(value) })
    },
    audit,
    async events<K extends Kind>(kind: K, id?: string) {
      const isOne = (event: AuditEvent): event is EventOf<K> =>
        event.kind === kind && (id === undefined || JSON.stringify(event).includes(`"${id}"`))
      return (await audit()).filter(isOne)
    },
    denied: () => deniedBy(world),
    async stop() {
      cli.disconnect()
      connection.disconnect()
      await world.stop()
    },
  }
}

async function ready(connection: Connection): Promise<void> {
  await vi.waitFor(() => expect(connection.status).toBe('ready'), IN_TIME)
}

async function readAudit(cli: Redis): Promise<readonly AuditEvent[]> {
  const entries = await cli.xrange('{latchkey}:audit', '-', '+')
  return entries.map(([, [, text = '']]) => auditEvent.parse(JSON.parse(text)))
}

function deniedBy({ seeded, aws }: World): readonly string[] {
  return seeded.roles.flatMap(({ inline }) => {
    const text = inline.asOf(aws.clock.now()).get(DENY_POLICY)
    return text === undefined ? [] : parseDenyDocument(text).denied
  })
}

/** What S3 says to a write with vended credentials: `written`, or AWS's error code. */
export async function write({ aws }: World, { body }: Answer, Key = '2026/report.csv'): Promise<string> {
  const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = body
  const credentials = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken }
  const at = { region: 'eu-west-1', endpoint: aws.s3Url, forcePathStyle: true, maxAttempts: 1 }
  const client = new S3Client({ ...at, credentials })
  try {
    await client.send(new PutObjectCommand({ Bucket: 'finance-reports', Key, Body: 'month,total\n' }))
    return 'written'
  } catch (error) {
    if (error instanceof S3ServiceException) return error.name
    throw error
  } finally {
    client.destroy()
  }
}

/** A refusal as the API gives it. */
export function refusal({ status, body }: Answer) {
  return { status, code: body.error?.code, message: body.error?.message ?? '' }
}

/** Waits for a fact. */
export async function eventually(fact: () => Promise<void> | void): Promise<void> {
  await vi.waitFor(fact, IN_TIME)
}
