import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isLatchkeyError } from '../../src/errors.ts'
import type { Credentials, Driver, GrantDraft, GrantOrder } from '../../src/grants/driver.ts'
import type { SessionPrincipal } from '../../src/grants/principal.ts'

/** An account with one bucket, and a driver for it. */
export interface DriverWorld {
  readonly driver: Driver
  readonly account: string
  readonly bucket: string
  /** AWS's clock, ms since 1970. */
  now(): number
  advance(ms: number): void
  /** A person's S3 client with these credentials. */
  s3(credentials: Credentials): S3Client
  stop(): Promise<void>
}

const MINUTE_MS = 60_000
const REQUESTER = '0b6f2a34-7d0e-4f7c-9a55-1c1f0f9d2a10'

/** ISO 8601 in whole seconds, the format of ends. */
export function endIn(world: Pick<DriverWorld, 'now'>, minutes: number): string {
  return `${new Date(world.now() + minutes * MINUTE_MS).toISOString().slice(0, 19)}Z`
}

export function draftOf({ account, bucket }: Pick<DriverWorld, 'account' | 'bucket'>, grantId: string): GrantDraft {
  return { account, grantId, requester: REQUESTER, scopes: [{ bucket, key: '2026/' }], levels: ['read', 'write'] }
}

/** The first principal for sessions. @throws when it is one of the driver `attach` */
export async function sessionPrincipal(
  driver: Pick<Driver, 'preflight'>,
  draft: GrantDraft,
): Promise<SessionPrincipal> {
  const [first] = (await driver.preflight(draft)).principals
  if (first.driver !== 'session') throw new Error(`${first.arn} is no elevation role`)
  return first
}

/** What every driver promises, tested with the credentials that it vends. */
export function driverContract(name: string, start: () => Promise<DriverWorld>): void {
  describe(`${name}, as every driver`, () => {
    let world: DriverWorld
    let principal: SessionPrincipal

    beforeEach(async () => {
      world = await start()
      principal = await sessionPrincipal(world.driver, draftOf(world, 'g-000000000000'))
    })
    afterEach(() => world.stop())

    function orderOf(grantId: string, more: Partial<GrantOrder> = {}): GrantOrder {
      return { ...draftOf(world, grantId), principal, startsAt: endIn(world, -1), endsAt: endIn(world, 10), ...more }
    }

    async function vend(order: GrantOrder): Promise<S3Client> {
      await world.driver.activate(order, world.now())
      return world.s3(await world.driver.vend(order))
    }

    function put(s3: S3Client, Key: string) {
      return s3.send(new PutObjectCommand({ Bucket: world.bucket, Key, Body: 'x' }))
    }

    function list(s3: S3Client, Prefix?: string) {
      return s3.send(new ListObjectsV2Command({ Bucket: world.bucket, Prefix }))
    }

    it('vends credentials that reach exactly the scope', async () => {
      const s3 = await vend(orderOf('g-000000000001'))
      await put(s3, '2026/report.csv')
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: world.bucket, Key: '2026/report.csv' }))
      expect(await Body?.transformToString()).toBe('x')
      expect((await list(s3, '2026/')).Contents?.map(({ Key }) => Key)).toEqual(['2026/report.csv'])
      for (const key of ['2025/report.csv', '2026', '2026-secret/report.csv', 'report.csv']) await refused(put(s3, key))
      for (const prefix of [undefined, '', '2026', '2025/', '2026-secret/']) await refused(list(s3, prefix))
    })

    it('vends credentials that can do what the levels say and no more', async () => {
      const s3 = await vend(orderOf('g-000000000002', { levels: ['write'] }))
      await put(s3, '2026/a')
      await refused(s3.send(new GetObjectCommand({ Bucket: world.bucket, Key: '2026/a' })))
      await refused(s3.send(new DeleteObjectCommand({ Bucket: world.bucket, Key: '2026/a' })))
      const deleting = await vend(orderOf('g-000000000003', { levels: ['delete'] }))
      await deleting.send(new DeleteObjectCommand({ Bucket: world.bucket, Key: '2026/a' }))
      await refused(put(deleting, '2026/a'))
    })

    it('a scope of one object reaches that object, and shows no name beside it', async () => {
      const s3 = await vend(orderOf('g-000000000004', { scopes: [{ bucket: world.bucket, key: 'one.csv' }] }))
      await put(s3, 'one.csv')
      await refused(put(s3, 'one.csv.bak'))
      await refused(list(s3, 'one.csv'))
    })

    it('access ends at its end, by the clock of AWS alone', async () => {
      const order = orderOf('g-000000000005', { endsAt: endIn(world, 5) })
      const s3 = await vend(order)
      await put(s3, '2026/a')
      world.advance(5 * MINUTE_MS)
      await refused(put(s3, '2026/a'))
    })

    it('credentials say that they end no later than the grant', async () => {
      const order = orderOf('g-000000000006', { endsAt: endIn(world, 5) })
      expect((await world.driver.vend(order)).expiresAt).toBe(new Date(order.endsAt).toISOString())
    })

    it('vends nothing when the end is past', async () => {
      const order = orderOf('g-000000000007', { endsAt: '2020-01-01T00:00:00Z' })
      const refusal = await world.driver.vend(order).catch((error: unknown) => error)
      expect(isLatchkeyError(refusal, 'OVER')).toBe(true)
    })

    it('an early end of one grant refuses exactly that one, credentials vended later included', async () => {
      const [ended, other] = [orderOf('g-000000000008'), orderOf('g-000000000009')]
      const [endedS3, otherS3] = [await vend(ended), await vend(other)]
      await put(endedS3, '2026/a')
      const deny = {
        epoch: 'e-1',
        issuedBefore: '2026-01-01T00:00:00Z',
        denied: [`${principal.roleId}:g-000000000008`],
      }
      expect(await world.driver.writeDeny(principal, deny)).toEqual(deny)
      await refused(put(endedS3, '2026/a'))
      await refused(put(world.s3(await world.driver.vend(ended)), '2026/a'))
      await put(otherS3, '2026/a')
    })

    it('a cut by issue time refuses every session before it, and none after', async () => {
      const before = await vend(orderOf('g-00000000000a'))
      const cut = { epoch: 'e-2', issuedBefore: endIn(world, 1), denied: [] }
      await world.driver.writeDeny(principal, cut)
      await refused(put(before, '2026/a'))
      world.advance(MINUTE_MS)
      await put(await vend(orderOf('g-00000000000b')), '2026/a')
    })

    it('says nothing of a Deny document where there is none, and afterwards what AWS holds', async () => {
      expect(await world.driver.readDeny(principal)).toBeUndefined()
      const deny = { epoch: 'e-1', issuedBefore: '2026-01-01T00:00:00Z', denied: [] }
      await world.driver.writeDeny(principal, deny)
      expect(await world.driver.readDeny(principal)).toEqual(deny)
      expect(await world.driver.principals()).toEqual([principal])
      expect(await world.driver.formerRoles('prod')).toEqual([])
    })

    it('tells the time of AWS', async () => {
      world.advance(MINUTE_MS)
      expect(Math.abs((await world.driver.now()) - world.now())).toBeLessThan(5_000)
    })
  })
}

async function refused(call: Promise<unknown>): Promise<void> {
  await expect(call).rejects.toMatchObject({ name: 'AccessDenied' })
}
