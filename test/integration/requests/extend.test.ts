import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { PEOPLE, type PersonName } from '../../../sandbox/entra/fixture.ts'
import type { AccessRequest } from '../../../src/access-requests/access-request.ts'
import { cancelRequest } from '../../../src/access-requests/cancel-request.ts'
import { extendGrant } from '../../../src/access-requests/extend-grant.ts'
import { reviewAccessRequest } from '../../../src/access-requests/review/review-access-request.ts'
import { vendCredentials } from '../../../src/grants/credentials/vend-credentials.ts'
import { endGrant } from '../../../src/grants/end-grant.ts'
import { findGrant } from '../../../src/grants/find-grants.ts'
import { checkUse } from '../../../src/grants/genuine-grant.ts'
import { policyNameOf } from '../../../src/grants/iam-entity.ts'
import type { Job } from '../../../src/jobs/catalog.ts'
import { iamTime } from '../../../src/policies/iam-time.ts'
import { activateGrant } from '../../../workers/activate-grant.ts'
import { reconcileGrants } from '../../../workers/reconcile-grants.ts'
import { revokeGrant } from '../../../workers/revoke-grant.ts'
import { type AttachUseCases, openAttachUseCases, WIDER_POLICY } from '../../fixtures/attach-use-cases.ts'
import { openUseCases, type UseCases } from '../../fixtures/use-cases.ts'

/** An approval of its own, and nothing else, prolongs a live grant. */

let useCases: UseCases
beforeAll(async () => {
  useCases = await openUseCases('extend')
}, 60_000)
afterAll(() => useCases.close())

async function extend(grantId: string, durationMinutes: number, person: PersonName = 'rita'): Promise<AccessRequest> {
  const input = { durationMinutes, reason: 'the export still runs' }
  return await extendGrant(useCases.deps, useCases.as(person), grantId, input)
}

function approve(id: string, person: PersonName = 'dana'): Promise<AccessRequest> {
  return reviewAccessRequest(useCases.deps, useCases.as(person), id, { decision: 'approve', comment: '' })
}

async function endOf(grantId: string): Promise<number> {
  return Date.parse((await useCases.grant(grantId)).endsAt ?? '')
}

async function dueAt(grantId: string): Promise<number | undefined> {
  const due = await useCases.record.due('grants', Number.MAX_SAFE_INTEGER, 1_000)
  return due.find(({ id }) => id === grantId)?.at
}

describe('extending a grant', () => {
  it('moves its end by a yes, in the record, in the due index and in what is vended from then on', async () => {
    const id = await useCases.granted()
    const before = await endOf(id)
    const { id: requestId } = await extend(id, 60)
    expect(await endOf(id)).toBe(before)
    const { grantId, reviews } = await approve(requestId)
    expect(grantId).toBe(id)
    const after = await useCases.grant(id)
    const end = await endOf(id)
    expect(end).toBe(Math.floor((Date.parse(reviews[0]?.at ?? '') + 3_600_000) / 1_000) * 1_000)
    expect(await dueAt(id)).toBe(end)
    expect(after).toMatchObject({ status: 'active', terms: { extension: { requestId }, durationMinutes: 60 } })
    expect(checkUse(await useCases.genuine(id))).toMatchObject({ kind: 'genuine', grant: after })
    const { expiresAt } = await vendCredentials(useCases.deps, useCases.as('rita'), id)
    expect(Date.parse(expiresAt)).toBeGreaterThan(before)
    expect(await useCases.events('grant.extended')).toContainEqual(expect.objectContaining({ grantId: id, requestId }))
  })

  it('is refused where the bucket came to let sessions in: what would go on could not be ended', async () => {
    const id = await useCases.granted()
    const bucket = useCases.aws.state.buckets.get('finance-reports')
    if (!bucket) throw new Error('The rules of the tests name it')
    const open = { Effect: 'Allow', Principal: '*', Action: 's3:PutObject', Resource: 'arn:aws:s3:::finance-reports/*' }
    useCases.aws.state.buckets.set('finance-reports', {
      ...bucket,
      policy: JSON.stringify({ Version: '2012-10-17', Statement: [open] }),
    })
    // What was read about the bucket is cached for a minute.
    const clock = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 60_000)
    const refused = await extend(id, 60).catch((error: unknown) => error)
    clock.mockRestore()
    useCases.aws.state.buckets.set('finance-reports', bucket)
    expect(refused).toMatchObject({ code: 'AWS_REFUSED', facts: { awsCode: 'BucketNotInOrder' } })
  })

  it('is no new grant: it ends once, with everything that was vended', async () => {
    const id = await useCases.granted()
    const earlier = await vendCredentials(useCases.deps, useCases.as('rita'), id)
    await approve((await extend(id, 60)).id)
    await endGrant(useCases.deps, useCases.as('rita'), id)
    await revokeGrant(useCases.deps, id)
    expect(await useCases.grant(id)).toMatchObject({ status: 'revoked' })
    expect(await useCases.canWrite(earlier)).toBe(false)
  })

  it('leaves it to who approved it before to see it and to end it', async () => {
    const id = await useCases.granted()
    await approve((await extend(id, 60)).id, 'max')
    expect((await useCases.grant(id)).approverName).toBe('Max Mertens')
    expect(await findGrant(useCases.deps, useCases.as('dana'), id)).toMatchObject({ id })
    await endGrant(useCases.deps, useCases.as('dana'), id)
    expect(await useCases.grant(id)).toMatchObject({ status: 'revoking', end: { cause: 'ended-by-approver' } })
  })

  it('is refused where it would not be longer', async () => {
    const id = await useCases.granted()
    await expect(extend(id, 5)).rejects.toMatchObject({ code: 'BAD_INPUT' })
    const [shorter, longer] = [await extend(id, 40), await extend(id, 45)]
    await approve(longer.id)
    await expect(extend(id, 31)).rejects.toMatchObject({ code: 'BAD_INPUT' })
    const ended = await endOf(id)
    await expect(approve(shorter.id)).rejects.toMatchObject({ code: 'BAD_INPUT' })
    expect(await endOf(id)).toBe(ended)
    await cancelRequest(useCases.deps, useCases.as('rita'), shorter.id)
  })

  it('is asked once for the same: the second ask hears of the first, which can be taken back', async () => {
    const id = await useCases.granted('finn')
    const first = await extend(id, 50, 'finn')
    await expect(extend(id, 50, 'finn')).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining(`You already asked to extend it: ${first.id}`),
    })
    await cancelRequest(useCases.deps, useCases.as('finn'), (await extend(id, 55, 'finn')).id)
    await cancelRequest(useCases.deps, useCases.as('finn'), first.id)
    await cancelRequest(useCases.deps, useCases.as('finn'), (await extend(id, 50, 'finn')).id)
  })

  it('is nobody else’s to ask, and reads like a grant that is not there', async () => {
    const id = await useCases.granted()
    await expect(extend(id, 60, 'max')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(extend('g-000000000000', 60)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  it('does not bring back what ended before the yes', async () => {
    const id = await useCases.granted()
    const { id: requestId } = await extend(id, 60)
    await endGrant(useCases.deps, useCases.as('rita'), id)
    await expect(approve(requestId)).rejects.toMatchObject({ code: 'OVER' })
    await revokeGrant(useCases.deps, id)
    await expect(approve(requestId)).rejects.toMatchObject({ code: 'OVER' })
    await expect(extend(id, 60)).rejects.toMatchObject({ code: 'OVER' })
  })

  it('does not bring back what ended by itself, which nobody has called expired yet', async () => {
    const id = await useCases.granted('finn')
    const { id: requestId } = await extend(id, 60, 'finn')
    await useCases.overwrite(id, (grant) => ({ ...grant, endsAt: new Date(Date.now() - 60_000).toISOString() }))
    await expect(approve(requestId)).rejects.toMatchObject({ code: 'OVER' })
    await expect(extend(id, 60, 'finn')).rejects.toMatchObject({ code: 'OVER' })
  })

  it('is refused where somebody wrote into the grant, at the ask and at the yes', async () => {
    const id = await useCases.granted('finn')
    const { id: requestId } = await extend(id, 60, 'finn')
    await useCases.overwrite(id, (grant) => ({ ...grant, mac: 'forged' }))
    await expect(extend(id, 55, 'finn')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(approve(requestId)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await cancelRequest(useCases.deps, useCases.as('finn'), requestId)
  })

  it('needs a yes like any other: the requester gives none', async () => {
    const id = await useCases.granted()
    const { id: requestId } = await extend(id, 60)
    await expect(approve(requestId, 'rita')).rejects.toMatchObject({ code: 'NOT_YOURS_TO_DECIDE' })
  })

  it('lets go on only what was asked: another grant written into the request gets no yes', async () => {
    const [own, other] = [await useCases.granted(), await useCases.granted()]
    const { id: requestId } = await extend(own, 60)
    await useCases.overwriteRequest(requestId, { extends: other })
    await expect(approve(requestId)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})

describe('extending a grant on somebody’s own role', () => {
  let attached: AttachUseCases
  beforeAll(async () => {
    attached = await openAttachUseCases('extend-attach')
  }, 60_000)
  afterAll(() => attached.close())

  const policyOf = (id: string) => attached.sharedRole.inline.current().get(policyNameOf(id)) ?? ''

  async function extended(id: string, durationMinutes = 60): Promise<string> {
    const caller = attached.as('rita')
    const again = { durationMinutes, reason: 'it still runs' }
    const { id: requestId } = await extendGrant(attached.deps, caller, id, again)
    await reviewAccessRequest(attached.deps, attached.as('dana'), requestId, { decision: 'approve', comment: '' })
    return iamTime(Date.parse((await attached.grant(id)).endsAt ?? ''))
  }

  it('writes the new end into its one policy; until then access ends as it did before, and no look ends it', async () => {
    const id = await attached.grantedAttach()
    const before = policyOf(id)
    const end = await extended(id)
    expect(before).not.toContain(end)
    expect(policyOf(id)).toBe(before)
    await attached.reconcile(true)
    expect(await attached.grant(id)).toMatchObject({ status: 'active', unwritten: true })
    await activateGrant(attached.deps, id)
    expect(policyOf(id)).toContain(end)
    expect(await attached.grant(id)).not.toHaveProperty('unwritten')
    await attached.reconcile(true)
    expect(await attached.grant(id)).toMatchObject({ status: 'active' })
    await attached.revoked(id)
    expect(attached.attachedGrants()).toEqual([])
  })

  it('does not let somebody change its policy before the new end is written', async () => {
    const id = await attached.grantedAttach()
    await extended(id)
    await extended(id, 120)
    await attached.reconcile(true)
    expect(await attached.grant(id)).toMatchObject({ status: 'active', unwritten: true })
    attached.putByHand(policyNameOf(id), WIDER_POLICY)
    await attached.reconcile(true)
    expect(await attached.grant(id)).toMatchObject({ status: 'revoking', end: { cause: 'changed-in-aws' } })
    await revokeGrant(attached.deps, id)
  })

  it('that ended meanwhile is not written any more', async () => {
    const id = await attached.grantedAttach()
    await extended(id)
    await attached.revoked(id)
    await activateGrant(attached.deps, id)
    expect(attached.attachedGrants()).toEqual([])
  })

  it('ends it where AWS refuses the new end', async () => {
    const id = await attached.grantedAttach()
    await extended(id)
    attached.aws.faults.fail({ action: 'PutRolePolicy' }, { code: 'AccessDenied', status: 403 })
    await activateGrant(attached.deps, id)
    attached.aws.faults.clear()
    expect(await attached.grant(id)).toMatchObject({ status: 'revoking', end: { cause: 'activation-failed' } })
  })

  it('that AWS could not be asked for is written by the next job', async () => {
    const id = await attached.grantedAttach()
    const end = await extended(id)
    attached.aws.faults.fail(
      { action: 'PutRolePolicy' },
      { code: 'ServiceFailure', status: 500, times: Number.POSITIVE_INFINITY },
    )
    await expect(activateGrant(attached.deps, id)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    attached.aws.faults.clear()
    expect(await attached.grant(id)).toMatchObject({ status: 'active', unwritten: true })
    const jobs: Job[] = []
    await attached.backdate(id, 60_000)
    await reconcileGrants({ ...attached.deps, queue: { add: async (added) => void jobs.push(...added) } })
    expect(jobs).toContainEqual(expect.objectContaining({ act: 'activate', recordId: id }))
    await activateGrant(attached.deps, id)
    expect(policyOf(id)).toContain(end)
    await attached.revoked(id)
  })

  it('is not written for somebody who may not have it any more', async () => {
    const id = await attached.grantedAttach()
    const before = policyOf(id)
    await extended(id)
    attached.entra.tenant.disable(PEOPLE.rita)
    await activateGrant(attached.deps, id)
    attached.entra.tenant.enable(PEOPLE.rita)
    expect(policyOf(id)).toBe(before)
    expect(await attached.grant(id)).toMatchObject({ status: 'revoking', end: { cause: 'no-longer-eligible' } })
    await attached.revoked(id)
  })
})
