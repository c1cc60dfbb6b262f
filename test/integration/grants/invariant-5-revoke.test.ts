import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { vendCredentials } from '../../../src/grants/credentials/vend-credentials.ts'
import { endGrant } from '../../../src/grants/end-grant.ts'
import { sessionUserId } from '../../../src/grants/principal.ts'
import { checkEpoch } from '../../../src/grants/recovery/epoch.ts'
import type { Job } from '../../../src/jobs/catalog.ts'
import { DENY_POLICY } from '../../../src/policies/deny-document.ts'
import { reconcileGrants } from '../../../workers/reconcile-grants.ts'
import { revokeGrant } from '../../../workers/revoke-grant.ts'
import { openUseCases } from '../../fixtures/use-cases.ts'

const useCases = await openUseCases('revoke')
const { deps, aws, role } = useCases

afterEach(() => aws.faults.clear())
afterAll(() => useCases.close())

async function ending(): Promise<string> {
  const grantId = await useCases.granted('finn')
  await endGrant(deps, useCases.as('finn'), grantId)
  return grantId
}

function isDenied(grantId: string): boolean {
  return useCases.denyDocument().denied.includes(sessionUserId(useCases.principal, grantId))
}

async function dueIds(): Promise<readonly string[]> {
  return (await useCases.record.due('grants', await useCases.record.now(), 100)).map(({ id }) => id)
}

describe('an early end', () => {
  test('is in the due index from the moment it was asked', async () => {
    const grantId = await ending()
    expect(await dueIds()).toContain(grantId)
  })

  test('is reported as revoked only once AWS reads back the denial', async () => {
    const grantId = await ending()
    const held = aws.faults.hold({ action: 'PutRolePolicy' })
    const revoked = revokeGrant(deps, grantId)
    await held.arrived
    // Another writer changes the document between our write and the read-back.
    role.inline.delete(DENY_POLICY, aws.clock.now())
    held.release()
    await expect(revoked).rejects.toMatchObject({ code: 'AWS_REFUSED' })
    expect((await useCases.grant(grantId)).status).toBe('revoking')
    await revokeGrant(deps, grantId)
    expect((await useCases.grant(grantId)).status).toBe('revoked')
    expect(isDenied(grantId)).toBe(true)
  })

  test('that AWS refuses stays due, however often, and is tried again', async () => {
    const grantId = await ending()
    aws.faults.fail({ action: 'PutRolePolicy' }, { code: 'AccessDenied', status: 403, times: 3 })
    for (let attempt = 1; attempt <= 3; attempt += 1)
      await expect(revokeGrant(deps, grantId)).rejects.toMatchObject({ code: 'AWS_REFUSED' })
    expect((await useCases.grant(grantId)).status).toBe('revoking')
    expect(await dueIds()).toContain(grantId)
    await revokeGrant(deps, grantId)
    expect(isDenied(grantId)).toBe(true)
  })

  test('that is not in force after half a minute raises the alarm, once', async () => {
    const grantId = await ending()
    const at = new Date(Date.now() - 31_000).toISOString()
    await useCases.overwrite(grantId, (grant) => ({ ...grant, end: { ...grant.end, at } }))
    aws.faults.fail({ action: 'PutRolePolicy' }, { code: 'AccessDenied', status: 403, times: 2 })
    for (let attempt = 1; attempt <= 2; attempt += 1) await expect(revokeGrant(deps, grantId)).rejects.toThrow()
    expect(await useCases.events('alarm.revoke-overdue')).toMatchObject([{ grantId }])
    await revokeGrant(deps, grantId)
  })

  test('refuses exactly the sessions of its grant and leaves the others whole', async () => {
    const [kept, ended] = [await useCases.granted('rita'), await useCases.granted('rita')]
    const [own, other] = [await vend(kept), await vend(ended)]
    await endGrant(deps, useCases.as('rita'), ended)
    await revokeGrant(deps, ended)
    expect(await useCases.canWrite(other)).toBe(false)
    expect(await useCases.canWrite(own)).toBe(true)
    expect(isDenied(kept)).toBe(false)
  })
})

function vend(grantId: string) {
  return vendCredentials(deps, useCases.as('rita'), grantId)
}

test('a Deny removed by hand is put back, and what was added by hand stays', async () => {
  const grantId = await ending()
  await revokeGrant(deps, grantId)
  const before = useCases.denyDocument()
  const byHand = sessionUserId(useCases.principal, 'g-000000000000')
  await deps.driver.writeDeny(useCases.principal, { ...before, denied: [byHand] })
  await checkEpoch(deps)
  expect(new Set(useCases.denyDocument().denied)).toEqual(new Set([...before.denied, byHand]))
})

test('the reconciler names again the jobs of what should have ended and of what waits for its activation', async () => {
  const [active, waiting, over] = [await useCases.granted(), await useCases.approved(), await useCases.granted()]
  await useCases.backdate(waiting, 31_000)
  await useCases.overwrite(over, (grant) => ({ ...grant, endsAt: '2026-01-01T00:00:00.000Z' }))
  const named: Job[] = []
  const queue = { add: async (jobs: readonly Job[]) => void named.push(...jobs) }
  await reconcileGrants({ ...deps, queue })
  expect(named).toContainEqual(expect.objectContaining({ act: 'activate', recordId: waiting }))
  expect(named).toContainEqual(expect.objectContaining({ act: 'revoke', recordId: over }))
  expect(named.map(({ recordId }) => recordId)).not.toContain(active)
})
