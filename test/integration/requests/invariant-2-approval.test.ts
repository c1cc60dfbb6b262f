import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { GROUPS, PEOPLE, type PersonName } from '../../../sandbox/entra/fixture.ts'
import { readRequest } from '../../../src/access-requests/access-request.ts'
import { signRequest } from '../../../src/access-requests/request-mac.ts'
import { reviewAccessRequest } from '../../../src/access-requests/review/review-access-request.ts'
import { vendCredentials } from '../../../src/grants/credentials/vend-credentials.ts'
import { activateGrant } from '../../../workers/activate-grant.ts'
import { openUseCases } from '../../fixtures/use-cases.ts'

const MINUTE = 60_000
const useCases = await openUseCases('yes')
const { tenant, faults } = useCases.entra

afterEach(() => {
  faults.heal()
  tenant.join(GROUPS.finance, PEOPLE.finn)
  tenant.join(GROUPS.finance, PEOPLE.noor)
  tenant.join(GROUPS.dataOwners, PEOPLE.dana)
  tenant.enable(PEOPLE.finn)
})
afterAll(() => useCases.close())

function approve(reviewer: PersonName, requestId: string) {
  return reviewAccessRequest(useCases.deps, useCases.as(reviewer), requestId, { decision: 'approve', comment: '' })
}

async function statusOf(requestId: string) {
  return (await readRequest(useCases.record, requestId))?.request.status
}

describe('at the click', () => {
  test('self-approval is refused before the directory is asked', async () => {
    const { id } = await useCases.ask('rita')
    faults.fail('graph', { kind: 'down' })
    await expect(approve('rita', id)).rejects.toMatchObject({ code: 'NOT_YOURS_TO_DECIDE' })
    expect(await statusOf(id)).toBe('pending')
  })

  test('nobody approves their own request, not even as their own manager', async () => {
    const { id } = await useCases.ask('selma')
    await expect(approve('selma', id)).rejects.toMatchObject({ code: 'NOT_YOURS_TO_DECIDE' })
    expect(await statusOf(id)).toBe('pending')
  })

  test('who was asked and is an approver no more decides nothing', async () => {
    const { id } = await useCases.ask('rita')
    tenant.leave(GROUPS.dataOwners, PEOPLE.dana)
    await expect(approve('dana', id)).rejects.toMatchObject({ code: 'NOT_YOURS_TO_DECIDE' })
    expect(await statusOf(id)).toBe('pending')
  })

  test('a requester who may no longer have it gets no grant', async () => {
    const { id } = await useCases.ask('finn')
    tenant.leave(GROUPS.finance, PEOPLE.finn)
    await expect(approve('max', id)).rejects.toMatchObject({ code: 'NOT_ELIGIBLE' })
    expect(await statusOf(id)).toBe('pending')
  })

  test('without an answer of the directory nothing is decided', async () => {
    const { id } = await useCases.ask('rita')
    faults.fail('graph', { kind: 'status', status: 503 })
    await expect(approve('max', id)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(await statusOf(id)).toBe('pending')
  })

  test('after its time a request is decided by nobody', async () => {
    const { id } = await useCases.ask('finn')
    const stored = await readRequest(useCases.record, id)
    if (stored === undefined) throw new Error('The request is gone.')
    const next = signRequest(useCases.deps.approvalKey, { ...stored.request, lapsesAt: stored.request.askedAt })
    await useCases.record.commit({
      records: [{ kind: 'request', id, expectedVersion: stored.version, next }],
      audit: [{ kind: 'request.lapsed', actor: { kind: 'latchkey' }, requestId: id }],
    })
    await expect(approve('max', id)).rejects.toMatchObject({ code: 'OVER' })
  })
})

describe('at activation', () => {
  test('a requester whose account was disabled gets nothing, and the grant ends', async () => {
    const grantId = await useCases.approved('finn')
    tenant.disable(PEOPLE.finn)
    const before = useCases.calls('AssumeRole')
    await activateGrant(useCases.deps, grantId)
    expect(useCases.calls('AssumeRole')).toBe(before)
    expect(await useCases.grant(grantId)).toMatchObject({ status: 'revoking', end: { cause: 'no-longer-eligible' } })
  })

  test('without an answer of the directory AWS is not asked', async () => {
    const grantId = await useCases.approved('finn')
    faults.fail('graph', { kind: 'status', status: 500 })
    const before = useCases.calls('AssumeRole')
    await expect(activateGrant(useCases.deps, grantId)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(useCases.calls('AssumeRole')).toBe(before)
  })
})

describe('at vend', () => {
  /** A grant whose eligibility a first vend checked this many minutes ago, and a further vend. */
  async function vendAfter(minutes: number) {
    const grantId = await useCases.granted('noor')
    const vend = () => vendCredentials(useCases.deps, useCases.as('noor'), grantId)
    await vend()
    useCases.later(minutes * MINUTE)
    return { grantId, vend }
  }

  test('eligibility that is older than five minutes is read again, and a no ends the grant', async () => {
    const { grantId, vend } = await vendAfter(6)
    tenant.leave(GROUPS.finance, PEOPLE.noor)
    const before = useCases.calls('AssumeRole')
    await expect(vend()).rejects.toMatchObject({ code: 'NOT_ELIGIBLE' })
    expect(useCases.calls('AssumeRole')).toBe(before)
    expect(await useCases.grant(grantId)).toMatchObject({ status: 'revoking', end: { cause: 'no-longer-eligible' } })
  })

  test('without the directory vending goes on for fifteen minutes, not longer', async () => {
    const { vend } = await vendAfter(6)
    faults.fail('graph', { kind: 'status', status: 500 })
    expect(await vend()).toMatchObject({ expiresAt: expect.any(String) })
    useCases.later(8 * MINUTE)
    expect(await vend()).toMatchObject({ expiresAt: expect.any(String) })
    useCases.later(MINUTE)
    await expect(vend()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  test('what was read counts from then: within five minutes the directory is not asked again', async () => {
    const { grantId, vend } = await vendAfter(4)
    tenant.leave(GROUPS.finance, PEOPLE.noor)
    expect(await vend()).toMatchObject({ expiresAt: expect.any(String) })
    useCases.later(MINUTE)
    await expect(vend()).rejects.toMatchObject({ code: 'NOT_ELIGIBLE' })
    expect((await useCases.grant(grantId)).status).toBe('revoking')
  })

  test('the approval and the activation do not count: whoever vends first asks the directory', async () => {
    const grantId = await useCases.granted('noor')
    tenant.leave(GROUPS.finance, PEOPLE.noor)
    const credentialsCache = vendCredentials(useCases.deps, useCases.as('noor'), grantId)
    await expect(credentialsCache).rejects.toMatchObject({ code: 'NOT_ELIGIBLE' })
  })
})
