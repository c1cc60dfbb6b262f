import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { z } from 'zod'
import type { AccessRequest } from '../../src/access-requests/access-request.ts'
import { fewAtOnce } from '../../src/access-requests/ask-limits.ts'
import { type AskNeeds, requestAccess } from '../../src/access-requests/request-access.ts'
import { reviewAccessRequest } from '../../src/access-requests/review-access-request.ts'
import { type AuditEvent, auditEvent } from '../../src/audit/events.ts'
import { awsDriver } from '../../src/aws/aws-driver.ts'
import { consoleSignIn } from '../../src/aws/console-sign-in.ts'
import { objectLinks } from '../../src/aws/presign.ts'
import { isLatchkeyError } from '../../src/errors.ts'
import { DENY_POLICY, parseDenyDocument } from '../../src/grants/deny-document.ts'
import type { Credentials, DenyDocument, SessionPrincipal } from '../../src/grants/driver.ts'
import { checkEpoch, refuseUnlessReady } from '../../src/grants/epoch.ts'
import { type Grant, readGrant } from '../../src/grants/grant.ts'
import type { DenyNeeds } from '../../src/grants/keep-deny.ts'
import { seenEligible } from '../../src/grants/seen-eligible.ts'
import { vendCache } from '../../src/grants/vend-cache.ts'
import { signYes } from '../../src/grants/yes.ts'
import { graphDirectory } from '../../src/graph/directory.ts'
import type { DeliveryNeeds } from '../../src/http/api-delivery.ts'
import type { Feed } from '../../src/oversight/feed.ts'
import type { RecordPort } from '../../src/record.ts'
import { redisFeed } from '../../src/redis/feed.ts'
import { redisRecord } from '../../src/redis/record.ts'
import type { Caller } from '../../src/rules/caller.ts'
import { parseRules } from '../../src/rules/rules-file.ts'
import { parseScope } from '../../src/rules/scope.ts'
import { type ActivateNeeds, activateGrant } from '../../workers/activate-grant.ts'
import { endsUnderWay } from '../../workers/ends-under-way.ts'
import type { RevokeNeeds } from '../../workers/revoke-grant.ts'
import { type SandboxAws, startAws } from '../sandbox/aws/index.ts'
import type { SeedOptions } from '../sandbox/aws/seed.ts'
import type { Role } from '../sandbox/aws/state.ts'
import { PEOPLE, type PersonName } from '../sandbox/entra/fixture.ts'
import { type SandboxEntra, startEntra } from '../sandbox/entra/index.ts'
import { RULES } from '../sandbox/world.ts'
import { type Ground, ground, until } from './record-ground.ts'
import { useAws } from './use-aws.ts'

const REGION = 'eu-west-1'
const SCOPE = 's3://finance-reports/2026/'

/** The use cases and handlers in this process, on a real Redis, against the sandbox's AWS and Entra. */
export interface Office {
  readonly needs: ActivateNeeds & RevokeNeeds & DeliveryNeeds & AskNeeds
  readonly record: RecordPort
  readonly ground: Ground
  readonly aws: SandboxAws
  readonly entra: SandboxEntra
  readonly principal: SessionPrincipal
  readonly role: Role
  as(person: PersonName, changes?: Partial<Caller>): Caller
  ask(person?: PersonName, scope?: string): Promise<AccessRequest>
  /** A yes of Dana; the id of the grant, not activated yet. */
  approved(person?: PersonName): Promise<string>
  /** A grant that AWS was asked for. */
  granted(person?: PersonName): Promise<string>
  grant(id: string): Promise<Grant>
  /** What somebody with `redis-cli` can do. */
  overwrite(id: string, changes: (grant: Grant) => object): Promise<void>
  overwriteRequest(id: string, changes: object): Promise<void>
  /** Turns the clock back for one grant: as `overwrite`, with the MAC that we would have made. */
  older(id: string, milliseconds: number): Promise<void>
  /** Turns the clock of this process forward, by which it knows how old an eligibility is. */
  later(milliseconds: number): void
  /** Audit events of one kind. */
  events(kind: AuditEvent['kind']): Promise<readonly AuditEvent[]>
  /** What AWS refuses early. */
  denied(): DenyDocument
  canWrite(credentials: Credentials, key?: string): Promise<boolean>
  /** How many calls of this name AWS has seen. */
  calls(action: string): number
  /** The record of the same company as an empty Redis would be. */
  emptied(): RecordPort
  close(): Promise<void>
}

export interface OfficeOptions {
  readonly redisUrl?: string
  /** Text of the rules file. */
  readonly rules?: string
  readonly seed?: SeedOptions
}

export async function openOffice(name: string, options: OfficeOptions = {}): Promise<Office> {
  const here = ground(name, options.redisUrl)
  const redis = await here.open('request')
  const record = redisRecord(redis, { prefix: here.prefix })
  const [aws, entra] = await Promise.all([startAws(), startEntra()])
  let turnedMs = 0
  const needs = needsOf(here, record, redisFeed(redis, { prefix: here.prefix }), aws, entra, {
    turnedMs: () => turnedMs,
    ...options,
  })
  const [principal] = await needs.driver.principals()
  const role = aws.state.roles.get('prod')
  if (principal === undefined || role === undefined) throw new Error('The sandbox has no elevation role.')
  await makeReady(needs, principal)

  function as(person: PersonName, changes: Partial<Caller> = {}): Caller {
    const objectId = PEOPLE[person]
    const at = { clientId: entra.cliClientId, address: '127.0.0.1' }
    return { tenantId: entra.tenantId, objectId, name: person, roles: [], ...at, ...changes }
  }
  async function ask(person: PersonName = 'rita', scope = SCOPE): Promise<AccessRequest> {
    const input = { scopes: [parseScope(scope)], levels: ['write'], durationMinutes: 30, reason: 'month-end' } as const
    return requestAccess(needs, as(person), input)
  }
  async function approved(person: PersonName = 'rita'): Promise<string> {
    const { id } = await ask(person)
    const { grantId } = await reviewAccessRequest(needs, as('dana'), id, { decision: 'approve', comment: '' })
    return z.string().parse(grantId)
  }
  async function grant(id: string): Promise<Grant> {
    const stored = await readGrant(record, id)
    if (stored === undefined) throw new Error(`There is no grant ${id}.`)
    return stored.grant
  }

  async function overwrite(id: string, changes: (grant: Grant) => object): Promise<void> {
    await redis.hset(`${here.prefix}:grant:${id}`, 'json', JSON.stringify(changes(await grant(id))))
  }

  return {
    needs,
    record,
    ground: here,
    aws,
    entra,
    principal,
    role,
    as,
    ask,
    approved,
    async granted(person) {
      const id = await approved(person)
      await activateGrant(needs, id)
      return id
    },
    grant,
    async overwriteRequest(id, changes) {
      const stored = await record.read('request', id)
      await redis.hset(`${here.prefix}:request:${id}`, 'json', JSON.stringify({ ...Object(stored?.value), ...changes }))
    },
    overwrite,
    older: (id, milliseconds) =>
      overwrite(id, (given) => {
        const earlier = (time: string) => new Date(Date.parse(time) - milliseconds).toISOString()
        const terms = { ...given.terms, decidedAt: earlier(given.terms.decidedAt) }
        const mac = signYes(needs.approvalKey, terms)
        return { ...given, terms, mac }
      }),
    later(milliseconds) {
      turnedMs += milliseconds
    },
    async events(kind) {
      const entries = await redis.xrange(`${here.prefix}:audit`, '-', '+')
      const all = entries.map(([, fields]) => auditEvent.parse(JSON.parse(fields[1] ?? '')))
      return all.filter((event) => event.kind === kind)
    },
    denied: () => parseDenyDocument(role.inline.current().get(DENY_POLICY) ?? ''),
    canWrite: (credentials, key = '2026/report.csv') => canWrite(aws, credentials, key),
    calls: (action) => aws.journal.entries().filter((entry) => entry.action === action).length,
    emptied: () => redisRecord(redis, { prefix: ground(name).prefix }),
    async close() {
      here.close()
      await Promise.all([aws.stop(), entra.stop()])
    },
  }
}

function needsOf(
  here: Ground,
  record: RecordPort,
  feed: Feed,
  aws: SandboxAws,
  entra: SandboxEntra,
  { turnedMs, rules: text = RULES, seed }: OfficeOptions & { readonly turnedMs: () => number },
): Office['needs'] {
  const { keys } = aws.seedLatchkey(seed)
  useAws(aws.url, keys.workers)
  const rules = parseRules(text)
  return {
    record,
    rules,
    log: here.log,
    approvalKey: 'a1'.repeat(32),
    directory: graphDirectory({ ...entra, log: here.log }),
    driver: awsDriver({ ...rules, part: 'workers', log: here.log }),
    vended: vendCache(),
    amongFew: fewAtOnce(),
    ends: endsUnderWay(),
    consoleLinks: consoleSignIn({
      url: `${aws.url}/federation`,
      issuer: 'https://latchkey.example.com',
      buckets: rules.buckets,
      log: here.log,
    }),
    objectLinks: objectLinks({ buckets: rules.buckets }),
    isFeedProven: async (bucket) => (await feed.proven()).has(bucket),
    seenEligible: seenEligible(() => performance.now() + turnedMs()),
  }
}

/** A role that was just adopted refuses sessions of the running second. */
async function makeReady(needs: DenyNeeds & Pick<ActivateNeeds, 'rules'>, principal: SessionPrincipal): Promise<void> {
  await checkEpoch(needs)
  await until(async () => {
    try {
      await refuseUnlessReady(needs, principal, await needs.record.now())
      return true
    } catch (error) {
      if (!isLatchkeyError(error, 'UNAVAILABLE')) throw error
      return false
    }
  })
}

async function canWrite(aws: SandboxAws, credentials: Credentials, Key: string): Promise<boolean> {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials
  const keys = { accessKeyId, secretAccessKey, sessionToken }
  const s3 = new S3Client({ region: REGION, endpoint: aws.s3Url, forcePathStyle: true, credentials: keys })
  try {
    await s3.send(new PutObjectCommand({ Bucket: 'finance-reports', Key, Body: 'x' }))
    return true
  } catch (error) {
    if (error instanceof Error && error.name === 'AccessDenied') return false
    throw error
  } finally {
    s3.destroy()
  }
}
