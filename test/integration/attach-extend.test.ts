import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { extensionOf } from '../../src/access-requests/extend-grant.ts'
import { requestAccess } from '../../src/access-requests/request-access.ts'
import { reviewAccessRequest } from '../../src/access-requests/review-access-request.ts'
import { policyNameOf } from '../../src/grants/target.ts'
import type { Job } from '../../src/jobs/catalog.ts'
import { activateGrant } from '../../workers/activate-grant.ts'
import { reconcileGrants } from '../../workers/reconcile-grants.ts'
import { openAttachOffice } from './attach-office.ts'

/** What AWS holds of an extended grant ends as before until a worker has written the new end, and then by that one. */

const office = await openAttachOffice('attach-extend')
const { needs } = office
const down = { code: 'ServiceFailure', status: 500, times: Number.POSITIVE_INFINITY }

afterEach(() => office.aws.faults.clear())
afterAll(() => office.close())

/** A grant that somebody has said yes to again, of which AWS was not told yet. */
async function extended(): Promise<string> {
  const id = await office.grantedOn()
  const input = { durationMinutes: 60, reason: 'the export still runs' }
  const asked = await extensionOf(needs, office.as('rita'), id, input)
  const request = await requestAccess(needs, office.as('rita'), asked)
  await reviewAccessRequest(needs, office.as('dana'), request.id, { decision: 'approve', comment: '' })
  return id
}

const documentOf = (id: string) => office.shared.inline.current().get(policyNameOf(id))
const endIn = async (id: string) => (await office.grant(id)).endsAt?.replace('.000Z', 'Z') ?? ''

describe('an extension on the person’s own role', () => {
  it('is the same policy with the new end, once it is written', async () => {
    const id = await extended()
    expect(documentOf(id)).not.toContain(await endIn(id))
    await activateGrant(needs, id)
    expect(documentOf(id)).toContain(await endIn(id))
    expect(office.held()).toEqual([id])
    expect(await office.grant(id)).not.toHaveProperty('unwritten')
    expect(await office.rita.put('2026/a')).toBe('done')
    await office.revoked(id)
    expect(office.held()).toEqual([])
  })

  it('that AWS could not be asked for waits, and is written by the next job', async () => {
    const id = await extended()
    const before = documentOf(id)
    office.aws.faults.fail({ action: 'PutRolePolicy' }, down)
    await expect(activateGrant(needs, id)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(documentOf(id)).toBe(before)
    expect(await office.grant(id)).toMatchObject({ status: 'active', unwritten: true })
    office.aws.faults.clear()
    const jobs: Job[] = []
    await office.older(id, 10 * 60_000)
    await reconcileGrants({ ...needs, queue: { add: async (added) => void jobs.push(...added) } })
    expect(jobs).toContainEqual(expect.objectContaining({ act: 'activate', recordId: id }))
    await activateGrant(needs, id)
    expect(documentOf(id)).toContain(await endIn(id))
    await office.revoked(id)
  })

  it('that waits is no change that somebody made in AWS', async () => {
    const id = await extended()
    await office.look(true)
    expect(await office.grant(id)).toMatchObject({ status: 'active' })
    await activateGrant(needs, id)
    await office.look(true)
    expect(await office.grant(id)).toMatchObject({ status: 'active' })
    await office.revoked(id)
  })

  it('that AWS refuses ends the grant', async () => {
    const id = await extended()
    office.aws.faults.fail({ action: 'PutRolePolicy' }, { code: 'AccessDenied', status: 403, times: 1 })
    await activateGrant(needs, id)
    expect(await office.grant(id)).toMatchObject({ status: 'revoking', end: { cause: 'activation-failed' } })
    await office.revoked(id)
    expect(office.held()).toEqual([])
  })

  it('is not written for somebody who may not have it any more', async () => {
    const id = await extended()
    const before = documentOf(id)
    office.entra.company.disable(office.as('rita').objectId)
    await activateGrant(needs, id)
    office.entra.company.enable(office.as('rita').objectId)
    expect(documentOf(id)).toBe(before)
    expect(await office.grant(id)).toMatchObject({ status: 'revoking', end: { cause: 'no-longer-eligible' } })
    await office.revoked(id)
  })
})
