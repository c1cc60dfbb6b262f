import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AttachDriver } from '../../src/aws/attach/attach-driver.ts'
import type { GrantDraft, GrantOrder, IamEntity } from '../../src/grants/driver.ts'
import { entityOf, policyNameOf } from '../../src/grants/iam-entity.ts'
import type { AttachPrincipal } from '../../src/grants/principal.ts'
import type { S3Caller } from '../fixtures/attach-driver.ts'

/** An account with one bucket, the shared role of `alice` and `bob`, the user `carol`, all with read access, and a driver for it. */
export interface AttachWorld {
  readonly driver: AttachDriver
  readonly account: string
  readonly bucket: string
  readonly sharedRole: string
  readonly alice: S3Caller
  readonly bob: S3Caller
  readonly carol: S3Caller
  /** A deleted IAM entity that the rules name. */
  readonly gone: IamEntity
  /** AWS's clock, ms since 1970. */
  now(): number
  advance(ms: number): void
  stop(): Promise<void>
}

const MINUTE_MS = 60_000
const REQUESTER = '0b6f2a34-7d0e-4f7c-9a55-1c1f0f9d2a10'

type GrantPlace = Pick<AttachWorld, 'account' | 'bucket' | 'sharedRole' | 'now'>

export function draftOf(world: GrantPlace, who: 'alice' | 'bob' | 'carol', grantId: string): GrantDraft {
  const onRole = { kind: 'role', name: world.sharedRole, sessionName: who } as const
  return {
    account: world.account,
    ownIdentity: who === 'carol' ? { kind: 'user', name: who } : onRole,
    grantId,
    requester: REQUESTER,
    scopes: [{ bucket: world.bucket, key: '2026/' }],
    levels: ['write'],
  }
}

export function orderOf(
  world: GrantPlace,
  principal: AttachPrincipal,
  grantId: string,
  changes: Partial<GrantOrder<AttachPrincipal>> = {},
): GrantOrder<AttachPrincipal> {
  const { requester, scopes, levels } = draftOf(world, 'alice', grantId)
  const inMinutes = (minutes: number) => `${new Date(world.now() + minutes * MINUTE_MS).toISOString().slice(0, 19)}Z`
  return { grantId, requester, scopes, levels, principal, startsAt: inMinutes(-1), endsAt: inMinutes(10), ...changes }
}

/** What every driver promises that writes a policy for each grant, tested with people's own credentials. */
export function attachContract(name: string, start: () => Promise<AttachWorld>): void {
  describe(`${name}, as a driver of grants on people's own roles and users`, () => {
    let world: AttachWorld
    beforeEach(async () => {
      world = await start()
    })
    afterEach(() => world.stop())

    async function principalOf(who: 'alice' | 'bob' | 'carol'): Promise<AttachPrincipal> {
      const [principal] = await world.driver.preflight(draftOf(world, who, 'g-000000000000'))
      return principal
    }
    async function grant(
      who: 'alice' | 'bob' | 'carol',
      grantId: string,
      changes: Partial<GrantOrder<AttachPrincipal>> = {},
    ): Promise<{ target: IamEntity; policyName: string }> {
      const order = orderOf(world, await principalOf(who), grantId, changes)
      await world.driver.activate(order, world.now())
      return { target: entityOf(order.principal), policyName: policyNameOf(grantId) }
    }

    it('gives that person exactly the scope, beside what they have anyway', async () => {
      await grant('alice', 'g-000000000001')
      expect(await world.alice.put('2026/report.csv')).toBe('done')
      expect(await world.alice.get('2026/report.csv')).toBe('done')
      for (const key of ['2025/report.csv', '2026', '2026-secret/a', 'a'])
        expect(await world.alice.put(key), key).toBe('AccessDenied')
      expect(await world.alice.remove('2026/report.csv')).toBe('AccessDenied')
    })

    it('gives nobody else of the same role anything', async () => {
      await grant('alice', 'g-000000000002')
      expect(await world.bob.put('2026/report.csv')).toBe('AccessDenied')
      expect(await world.bob.get('2026/report.csv')).toBe('NoSuchKey')
    })

    it('gives a user of IAM the same', async () => {
      await grant('carol', 'g-000000000003')
      expect(await world.carol.put('2026/report.csv')).toBe('done')
      expect(await world.carol.put('2025/report.csv')).toBe('AccessDenied')
    })

    it('ends at its end by the clock of AWS alone, with the policy still there', async () => {
      const { target } = await grant('alice', 'g-000000000004')
      expect(await world.alice.put('2026/a')).toBe('done')
      world.advance(10 * MINUTE_MS)
      expect(await world.alice.put('2026/a')).toBe('AccessDenied')
      expect(await world.driver.attached(target)).toHaveLength(1)
    })

    it('gives nothing before its start', async () => {
      const startsAt = new Date(world.now() + 2 * MINUTE_MS).toISOString().replace(/\.\d+/, '')
      await grant('alice', 'g-000000000005', { startsAt })
      expect(await world.alice.put('2026/a')).toBe('AccessDenied')
      world.advance(2 * MINUTE_MS)
      expect(await world.alice.put('2026/a')).toBe('done')
    })

    it('an early end takes exactly that one, and leaves the others and the baseline whole', async () => {
      const writing = await grant('alice', 'g-000000000006')
      const deleting = await grant('alice', 'g-000000000007', { levels: ['delete'] })
      await grant('bob', 'g-000000000008')
      await world.driver.detach(writing.target, writing.policyName, 'early-revoke')
      expect(await world.alice.put('2026/a')).toBe('AccessDenied')
      expect(await world.bob.put('2026/a')).toBe('done')
      expect(await world.alice.remove('2026/a')).toBe('done')
      expect(await world.alice.list('2026/')).toBe('done')
      await world.driver.detach(deleting.target, deleting.policyName, 'tidying')
      expect(await world.alice.remove('2026/a')).toBe('AccessDenied')
    })

    it('taking away what is gone already is done', async () => {
      const target = { account: world.account, kind: 'role', name: world.sharedRole } as const
      await world.driver.detach(target, policyNameOf('g-000000000009'), 'early-revoke')
      await world.driver.detach(world.gone, policyNameOf('g-000000000009'), 'early-revoke')
    })

    it('shows what lies there, documents when asked, and nothing where there is nobody', async () => {
      const { target, policyName } = await grant('carol', 'g-00000000000a')
      expect(await world.driver.attached(target)).toEqual([{ policyName }])
      const [held] = await world.driver.attached(target, { documents: true })
      expect(JSON.parse(held?.document ?? '')).toMatchObject({ Version: '2012-10-17' })
      expect(await world.driver.attached(world.gone)).toEqual([])
      expect(await world.driver.entityState(world.gone)).toBeUndefined()
    })

    it('names the holder by what AWS never gives twice', async () => {
      const principal = await principalOf('carol')
      expect(principal).toMatchObject({ driver: 'attach', account: world.account })
      expect(principal.userid).toMatch(/^AIDA[A-Z0-9]+$/)
      expect((await principalOf('alice')).userid).toMatch(/^AROA[A-Z0-9]+:alice$/)
      expect(await world.driver.entityState(entityOf(principal))).toEqual({ uniqueId: principal.userid, faults: [] })
    })
  })
}
