import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { byOperator } from '../../../src/audit/events.ts'
import { vendCredentials } from '../../../src/grants/credentials/vend-credentials.ts'
import { pickReplica } from '../../../src/grants/deny-capacity.ts'
import { endGrant } from '../../../src/grants/end-grant.ts'
import type { Grant } from '../../../src/grants/grant.ts'
import { sessionUserId } from '../../../src/grants/principal.ts'
import { checkEpoch, renewEpoch } from '../../../src/grants/recovery/epoch.ts'
import { reconcileDenyList } from '../../../src/grants/session/reconcile-deny-list.ts'
import { DENY_IDS_PER_ROLE, DENY_POLICY } from '../../../src/policies/deny-document.ts'
import { newId } from '../../../src/store/ids.ts'
import { revokeGrant } from '../../../workers/revoke-grant.ts'
import { activeGrant, commitGrants } from '../../fixtures/active-grants.ts'
import { type DenyOffice, openDenyOffice, trueCopy } from '../../fixtures/deny-list.ts'

/** An attacker who writes to Redis fills the Deny document with ends of grants that never existed. */

/** Later than the cut, by every clock. */
const PAST_THE_CUT_MS = 32_000
/** With this many ids, a few more do not fit. */
const NEARLY_FULL = 248

let office: DenyOffice
beforeEach(async () => {
  office = await openDenyOffice('full')
})
afterEach(() => office.close())

/** Fills the deny list as this many forged early ends do after their jobs ran. */
async function fill(count: number, on = office): Promise<readonly string[]> {
  const until = new Date(Date.now() + 3_600_000).toISOString()
  const ids = Array.from({ length: count }, () => sessionUserId(on.principal, newId('g')))
  await reconcileDenyList(on.deps, on.principal, {
    added: async () => ids.map((userid) => ({ userid, until, unexplained: true })),
  })
  return ids
}

/** Stores a grant that nobody approved, in the state after its early end was requested. */
async function forge(on = office): Promise<Grant> {
  const grant = { ...activeGrant(on.principal, await on.record.now()), status: 'revoking', mac: 'forged' } as const
  await commitGrants(on.record, [grant])
  return grant
}

test('true early ends come into force however many forged ones there are, and forged ones leave', async () => {
  const earlier = await office.revoked(await office.granted())
  const [ending, live] = [await office.granted(), await office.granted()]
  const [lost, cut] = [await office.vend(ending), await office.vend(live)]
  await fill(NEARLY_FULL)
  for (let n = 0; n < 8; n += 1) await revokeGrant(office.deps, (await forge()).id)
  await office.revoked(ending)
  expect(await office.canWrite(lost)).toBe(false)
  expect(office.isDenied(earlier)).toBe(true)
  expect(office.isDenied(ending)).toBe(true)
  expect(office.denied().denied.length).toBeLessThan(DENY_IDS_PER_ROLE)
  expect(await office.events('alarm.deny-full')).toMatchObject([{ role: office.principal.roleArn }])
  expect(await office.canWrite(cut)).toBe(false)
  office.aws.clock.advance(PAST_THE_CUT_MS)
  const later = { ...office.deps, record: office.recordAhead(PAST_THE_CUT_MS) }
  expect(await office.canWrite(await vendCredentials(later, office.as('rita'), live))).toBe(true)
})

test('what leaves gives its place back: the role takes new asks again', async () => {
  const isFull = () => pickReplica(office.record, [office.principal], Date.now())
  await fill(NEARLY_FULL)
  await expect(isFull()).rejects.toMatchObject({ code: 'QUOTA_FULL' })
  await fill(8)
  await expect(isFull()).resolves.toMatchObject({ roleId: office.principal.roleId })
})

test('who was ended stays refused, also when record and grant were forged before the document was full', async () => {
  const grantId = await office.granted()
  const putBack = await trueCopy(office, grantId)
  await office.revoked(grantId)
  await office.redis.del(office.key('deny', office.roleKey), office.key('grant', grantId))
  await fill(NEARLY_FULL)
  await fill(8)
  expect(await office.events('alarm.deny-full')).toHaveLength(1)
  expect(office.isDenied(grantId)).toBe(true)
  await office.redis.hset(office.key('grant', grantId), 'version', '9')
  await putBack()
  await checkEpoch(office.deps)
  expect((await office.grant(grantId)).status).toBe('revoking')
})

test('a grant that was tampered with, and left, is refused all the same', async () => {
  const grantId = await office.granted()
  const kept = await office.vend(grantId)
  await office.overwrite(grantId, (grant) => ({ ...grant, mac: 'forged' }))
  await office.revoked(grantId)
  await fill(NEARLY_FULL)
  await fill(8)
  expect(office.isDenied(grantId)).toBe(false)
  expect(await office.canWrite(kept)).toBe(false)
})

test('an early end comes into force where other inline policies have taken the room', async () => {
  const { role, aws } = office
  const earlier = await office.revoked(await office.granted())
  const ending = await office.granted()
  const kept = await office.vend(ending)
  const taken = [...role.inline.current().values()].reduce((sum, text) => sum + text.length, 0)
  const wide = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: '' }] }
  const room = 10_240 - taken - JSON.stringify(wide).length - 10
  const [statement] = wide.Statement
  const text = JSON.stringify({
    ...wide,
    Statement: [{ ...statement, Resource: `arn:aws:s3:::${'x'.repeat(room - 13)}` }],
  })
  role.inline.put('somebody-elses', text, aws.clock.now())
  await office.revoked(ending)
  expect(await office.canWrite(kept)).toBe(false)
  expect(office.isDenied(earlier)).toBe(true)
  expect(await office.events('alarm.deny-full')).toMatchObject([{ leftOut: 1 }])
})

type Move = 'end early' | 'forge many' | 'forge a grant' | 'lose the record' | 'lose a grant' | 'round' | 'recover'

const move = fc.constantFrom<Move>(
  'end early',
  'end early',
  'forge many',
  'forge many',
  'forge a grant',
  'lose the record',
  'lose a grant',
  'round',
  'recover',
)

class Reference {
  readonly live: Grant[] = []
  readonly ended: string[] = []
  readonly forged = new Set<string>()
}

/** Repeats the job while another one has the lease, as the queue does. */
async function untilRevoked(grantId: string): Promise<void> {
  let ran = await revokeGrant(office.deps, grantId)
  while (ran.againAt !== undefined) ran = await revokeGrant(office.deps, grantId)
  expect((await office.grant(grantId)).status).toBe('revoked')
}

async function act(move: Move, model: Reference): Promise<void> {
  const { deps, principal, redis } = office
  if (move === 'round') return await checkEpoch(deps)
  if (move === 'recover') return await renewEpoch(deps, byOperator('olga'))
  if (move === 'lose the record') return void (await redis.del(office.key('deny', office.roleKey)))
  if (move === 'lose a grant') return void (await redis.del(office.key('grant', model.ended[0] ?? 'none')))
  if (move === 'forge many') return (await fill(90)).forEach((id) => void model.forged.add(id))
  if (move === 'forge a grant') {
    const { id } = await forge()
    model.forged.add(sessionUserId(principal, id))
    return await untilRevoked(id)
  }
  const grant = model.live.pop()
  if (!grant) return
  await endGrant(deps, office.as('rita'), grant.id)
  await untilRevoked(grant.id)
  model.ended.push(grant.id)
}

describe('whatever is forged, lost and ended, in whatever order', () => {
  test('each true early end comes into force and stays, and nobody else but the forged are denied', async () => {
    const { deps, principal, role, aws } = office
    await fc.assert(
      fc.asyncProperty(fc.array(move, { minLength: 4, maxLength: 12 }), async (moves) => {
        role.inline.delete(DENY_POLICY, aws.clock.now())
        await office.empty()
        await checkEpoch(deps)
        const model = new Reference()
        model.live.push(...Array.from({ length: 8 }, () => activeGrant(principal, Date.now())))
        await commitGrants(deps.record, model.live)
        for (const one of moves) {
          const before = office.denied().issuedBefore
          await act(one, model)
          const { denied, issuedBefore } = office.denied()
          const ended = model.ended.map((id) => sessionUserId(principal, id))
          expect(denied).toEqual(expect.arrayContaining(ended))
          expect(denied.filter((id) => !ended.includes(id) && !model.forged.has(id))).toEqual([])
          expect(Date.parse(issuedBefore)).toBeGreaterThanOrEqual(Date.parse(before))
        }
      }),
      { numRuns: 20 },
    )
  }, 120_000)
})
