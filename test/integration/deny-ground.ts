import { expect } from 'vitest'
import { denyId, userIdOf } from '../../src/grants/deny-record.ts'
import type { Credentials } from '../../src/grants/driver.ts'
import { endGrant } from '../../src/grants/end-grant.ts'
import { vendCredentials } from '../../src/grants/vend-credentials.ts'
import { signYes } from '../../src/grants/yes.ts'
import type { RecordPort } from '../../src/record.ts'
import type { Connection } from '../../src/redis/connections.ts'
import { endsUnderWay } from '../../workers/ends-under-way.ts'
import { revokeGrant } from '../../workers/revoke-grant.ts'
import { type Office, type OfficeOptions, openOffice } from './invariant-ground.ts'

export type Needs = Office['needs']

/** An office, and a hand in its Redis past Latchkey. */
export interface DenyOffice extends Office {
  readonly redis: Connection
  /** Id of the elevation role's record of denials. */
  readonly roleKey: string
  /** The key of one record or index in Redis. */
  key(...parts: readonly string[]): string
  vend(grantId: string): Promise<Credentials>
  /** Asks for the early end; the job has not run yet. */
  ending(grantId: string): Promise<string>
  /** Ended early, and called revoked. */
  revoked(grantId: string): Promise<string>
  isDenied(grantId: string): boolean
  /** A true yes to this much time. */
  lengthen(grantId: string, durationMinutes: number): Promise<void>
  /** The record's clock is this much ahead. */
  recordAhead(milliseconds: number): RecordPort
  /** All of it that much later: by the record's clock, and by AWS's. */
  later(milliseconds: number): Needs
  /** Everything that the record is now. */
  copy(): Promise<Copy>
  putBack(copy: Copy): Promise<void>
  empty(): Promise<void>
}

type Copy = ReadonlyMap<string, Buffer>

export async function openDenyOffice(name: string, options: OfficeOptions = {}): Promise<DenyOffice> {
  const office = await openOffice(name, options)
  const { needs, record, principal, ground } = office
  const redis = await ground.open('request')
  const keys = () => redis.keys(`${ground.prefix}:*`)

  async function empty(): Promise<void> {
    const all = await keys()
    if (all.length > 0) await redis.del(...all)
  }
  async function ending(grantId: string): Promise<string> {
    const { terms } = await office.grant(grantId)
    await endGrant(needs, { ...office.as('rita'), objectId: terms.requester }, grantId)
    return grantId
  }
  function recordAhead(milliseconds: number): RecordPort {
    return { ...record, now: async () => (await record.now()) + milliseconds }
  }

  return {
    ...office,
    redis,
    roleKey: denyId(principal),
    key: (...parts) => [ground.prefix, ...parts].join(':'),
    vend: (grantId) => vendCredentials(needs, office.as('rita'), grantId),
    ending,
    async revoked(grantId) {
      await revokeGrant(needs, await ending(grantId))
      expect((await office.grant(grantId)).status).toBe('revoked')
      return grantId
    },
    isDenied: (grantId) => office.denied().denied.includes(userIdOf(principal, grantId)),
    lengthen: (grantId, durationMinutes) =>
      office.overwrite(grantId, (grant) => {
        const terms = { ...grant.terms, durationMinutes }
        return { ...grant, terms, mac: signYes(needs.approvalKey, terms) }
      }),
    recordAhead,
    later: (milliseconds) => ({
      ...needs,
      record: recordAhead(milliseconds),
      ends: endsUnderWay(),
      driver: { ...needs.driver, now: async () => (await needs.driver.now()) + milliseconds },
    }),
    async copy() {
      const found = await keys()
      const values = await Promise.all(found.map(async (key) => [key, await redis.dumpBuffer(key)] as const))
      return new Map(values.flatMap(([key, value]) => (value ? [[key, value] as const] : [])))
    },
    async putBack(copy) {
      await empty()
      for (const [key, value] of copy) await redis.restore(key, 0, value)
    },
    empty,
  }
}

/** The grant as a copy of the record would bring it back: true in every field. */
export async function trueCopy({ record, redis, key }: DenyOffice, grantId: string): Promise<() => Promise<void>> {
  const stored = await record.read('grant', grantId)
  return async () => void (await redis.hset(key('grant', grantId), 'json', JSON.stringify(stored?.value)))
}
