import { afterAll, describe, expect, test } from 'vitest'
import { PEOPLE } from '../../../sandbox/entra/fixture.ts'
import { sessionUserId } from '../../../src/grants/principal.ts'
import { checkEpoch, reconcileDueRole } from '../../../src/grants/recovery/epoch.ts'
import { reconcileDenyList } from '../../../src/grants/session/reconcile-deny-list.ts'
import { newId } from '../../../src/store/ids.ts'
import { openDenyListUseCases, snapshotGrant } from '../../fixtures/deny-list.ts'

const MINUTE_MS = 60_000
/** For a grant of half an hour: the hour in which its approval may be activated, its duration, and the margin. */
const NEEDED_MINUTES = 60 + 30 + 5

const useCases = await openDenyListUseCases('leaves')
const { deps, record, redis, principal, roleKey } = useCases
afterAll(() => useCases.close())

describe('a denied id', () => {
  test('stays until its yes is worth nothing, and leaves then without another early end', async () => {
    const grantId = await useCases.revoked(await useCases.granted())
    await reconcileDueRole(useCases.later((NEEDED_MINUTES - 1) * MINUTE_MS), roleKey)
    expect(useCases.isDenied(grantId)).toBe(true)
    const over = useCases.later((NEEDED_MINUTES + 1) * MINUTE_MS)
    const due = await record.due('roles', await over.record.now(), 10)
    expect(due.map(({ id }) => id)).toContain(roleKey)
    await reconcileDueRole(over, roleKey)
    expect(useCases.isDenied(grantId)).toBe(false)
  })

  test("stays while either clock says that it is needed: the record's set forward, or AWS's", async () => {
    const grantId = await useCases.revoked(await useCases.granted())
    const { driver, record: ahead } = useCases.later(2 * NEEDED_MINUTES * MINUTE_MS)
    await checkEpoch({ ...deps, record: ahead })
    expect(useCases.isDenied(grantId)).toBe(true)
    await checkEpoch({ ...deps, driver })
    expect(useCases.isDenied(grantId)).toBe(true)
  })
})

describe('a grant that AWS denies and the record calls live', () => {
  test('is ended: the record is older than its end', async () => {
    const grantId = await useCases.granted()
    const kept = await useCases.vend(grantId)
    const before = await useCases.snapshot()
    await useCases.revoked(grantId)
    await useCases.restore(before)
    expect((await useCases.grant(grantId)).status).toBe('active')
    await checkEpoch(deps)
    expect(await useCases.grant(grantId)).toMatchObject({ status: 'revoking', end: { cause: 'ended-before' } })
    await expect(useCases.vend(grantId)).rejects.toMatchObject({ code: 'OVER' })
    expect(await useCases.canWrite(kept)).toBe(false)
  })

  test('is ended too where the record knows of the denial', async () => {
    const grantId = await useCases.granted()
    const putBack = await snapshotGrant(useCases, grantId)
    await useCases.revoked(grantId)
    await putBack()
    await checkEpoch(deps)
    expect(await useCases.grant(grantId)).toMatchObject({ status: 'revoking', end: { cause: 'ended-before' } })
  })
})

describe('a role', () => {
  test('keeps a place for a grant as long as its id may have to be denied', async () => {
    const grantId = await useCases.approved()
    const { terms } = await useCases.grant(grantId)
    const score = await redis.zscore(useCases.key('index', 'on-role', roleKey), grantId)
    expect(Number(score)).toBe(Date.parse(terms.decidedAt) + NEEDED_MINUTES * MINUTE_MS)
  })

  test('full of denied ids opens again when they are over', async () => {
    const until = new Date((await record.now()) + MINUTE_MS).toISOString()
    const added = Array.from({ length: 150 }, () => ({ userid: sessionUserId(principal, newId('g')), until }))
    await reconcileDenyList(deps, principal, { added: async () => added })
    const draft = { account: principal.account, grantId: newId('g'), requester: PEOPLE.rita, levels: ['read'] } as const
    const scopes = [{ bucket: 'finance-reports', key: '2026/' }]
    const ask = () => deps.driver.preflight({ ...draft, scopes })
    await expect(ask()).rejects.toMatchObject({ code: 'QUOTA_FULL' })
    await reconcileDueRole(useCases.later(2 * MINUTE_MS), roleKey)
    expect((await ask()).principals).toEqual([principal])
  })
})
