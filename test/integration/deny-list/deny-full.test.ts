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
import { type DenyListUseCases, openDenyListUseCases, snapshotGrant } from '../../fixtures/deny-list.ts'

/** An attacker who writes to Redis fills the Deny document with ends of grants that never existed. */

/** Later than the cut, by every clock. */
const PAST_THE_CUT_MS = 32_000
/** With this many ids, a few more do not fit. */
const NEARLY_FULL = 248

let useCases: DenyListUseCases
beforeEach(async () => {
  useCases = await openDenyListUseCases('full')
})
afterEach(() => useCases.close())

/** Fills the deny list as this many forged early ends do after their jobs ran. */
async function fill(count: number, on = useCases): Promise<readonly string[]> {
  const until = new Date(Date.now() + 3_600_000).toISOString()
  const ids = Array.from({ length: count }, () => sessionUserId(on.principal, newId('g')))
  await reconcileDenyList(on.deps, on.principal, {
    added: async () => ids.map((userid) => ({ userid, until, unexplained: true })),
  })
  return ids
}

/** Stores a grant that nobody approved, in the state after its early end was requested. */
async function forge(on = useCases): Promise<Grant> {
  const grant = { ...activeGrant(on.principal, await on.record.now()), status: 'revoking', mac: 'forged' } as const
  await commitGrants(on.record, [grant])
  return grant
}

test('true early ends come into force however many forged ones there are, and forged ones leave', async () => {
  const earlier = await useCases.revoked(await useCases.granted())
  const [ending, live] = [await useCases.granted(), await useCases.granted()]
  const [lost, cut] = [await useCases.vend(ending), await useCases.vend(live)]
  await fill(NEARLY_FULL)
  for (let n = 0; n < 8; n += 1) await revokeGrant(useCases.deps, (await forge()).id)
  await useCases.revoked(ending)
  expect(await useCases.canWrite(lost)).toBe(false)
  expect(useCases.isDenied(earlier)).toBe(true)
  expect(useCases.isDenied(ending)).toBe(true)
  expect(useCases.denyDocument().denied.length).toBeLessThan(DENY_IDS_PER_ROLE)
  expect(await useCases.events('alarm.deny-full')).toMatchObject([{ role: useCases.principal.roleArn }])
  expect(await useCases.canWrite(cut)).toBe(false)
  useCases.aws.clock.advance(PAST_THE_CUT_MS)
  const later = { ...useCases.deps, record: useCases.recordAhead(PAST_THE_CUT_MS) }
  expect(await useCases.canWrite(await vendCredentials(later, useCases.as('rita'), live))).toBe(true)
})

test('what leaves gives its place back: the role takes new asks again', async () => {
  const isFull = () => pickReplica(useCases.record, [useCases.principal], Date.now())
  await fill(NEARLY_FULL)
  await expect(isFull()).rejects.toMatchObject({ code: 'QUOTA_FULL' })
  await fill(8)
  await expect(isFull()).resolves.toMatchObject({ roleId: useCases.principal.roleId })
})

test('who was ended stays refused, also when record and grant were forged before the document was full', async () => {
  const grantId = await useCases.granted()
  const putBack = await snapshotGrant(useCases, grantId)
  await useCases.revoked(grantId)
  await useCases.redis.del(useCases.key('deny', useCases.roleKey), useCases.key('grant', grantId))
  await fill(NEARLY_FULL)
  await fill(8)
  expect(await useCases.events('alarm.deny-full')).toHaveLength(1)
  expect(useCases.isDenied(grantId)).toBe(true)
  await useCases.redis.hset(useCases.key('grant', grantId), 'version', '9')
  await putBack()
  await checkEpoch(useCases.deps)
  expect((await useCases.grant(grantId)).status).toBe('revoking')
})

test('a grant that was tampered with, and left, is refused all the same', async () => {
  const grantId = await useCases.granted()
  const kept = await useCases.vend(grantId)
  await useCases.overwrite(grantId, (grant) => ({ ...grant, mac: 'forged' }))
  await useCases.revoked(grantId)
  await fill(NEARLY_FULL)
  await fill(8)
  expect(useCases.isDenied(grantId)).toBe(false)
  expect(await useCases.canWrite(kept)).toBe(false)
})

test('an early end comes into force where other inline policies have taken the room', async () => {
  const { role, aws } = useCases
  const earlier = await useCases.revoked(await useCases.granted())
  const ending = await useCases.granted()
  const kept = await useCases.vend(ending)
  const taken = [...role.inline.current().values()].reduce((sum, text) => sum + text.length, 0)
  const wide = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: '' }] }
  const room = 10_240 - taken - JSON.stringify(wide).length - 10
  const [statement] = wide.Statement
  const text = JSON.stringify({
    ...wide,
    Statement: [{ ...statement, Resource: `arn:aws:s3:::${'x'.repeat(room - 13)}` }],
  })
  role.inline.put('somebody-elses', text, aws.clock.now())
  await useCases.revoked(ending)
  expect(await useCases.canWrite(kept)).toBe(false)
  expect(useCases.isDenied(earlier)).toBe(true)
  expect(await useCases.events('alarm.deny-full')).toMatchObject([{ leftOut: 1 }])
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
  let ran = await revokeGrant(useCases.deps, grantId)
  while (ran.againAt !== undefined) ran = await revokeGrant(useCases.deps, grantId)
  expect((await useCases.grant(grantId)).status).toBe('revoked')
}

async function act(move: Move, model: Reference): Promise<void> {
  const { deps, principal, redis } = useCases
  if (move === 'round') return await checkEpoch(deps)
  if (move === 'recover') return await renewEpoch(deps, byOperator('olga'))
  if (move === 'lose the record') return void (await redis.del(useCases.key('deny', useCases.roleKey)))
  if (move === 'lose a grant') return void (await redis.del(useCases.key('grant', model.ended[0] ?? 'none')))
  if (move === 'forge many') return (await fill(90)).forEach((id) => void model.forged.add(id))
  if (move === 'forge a grant') {
    const { id } = await forge()
    model.forged.add(sessionUserId(principal, id))
    return await untilRevoked(id)
  }
  const grant = model.live.pop()
  if (!grant) return
  await endGrant(deps, useCases.as('rita'), grant.id)
  await untilRevoked(grant.id)
  model.ended.push(grant.id)
}

describe('whatever is forged, lost and ended, in whatever order', () => {
  test('each true early end comes into force and stays, and nobody else but the forged are denied', async () => {
    const { deps, principal, role, aws } = useCases
    await fc.assert(
      fc.asyncProperty(fc.array(move, { minLength: 4, maxLength: 12 }), async (moves) => {
        role.inline.delete(DENY_POLICY, aws.clock.now())
        await useCases.empty()
        await checkEpoch(deps)
        const model = new Reference()
        model.live.push(...Array.from({ length: 8 }, () => activeGrant(principal, Date.now())))
        await commitGrants(deps.record, model.live)
        for (const one of moves) {
          const before = useCases.denyDocument().issuedBefore
          await act(one, model)
          const { denied, issuedBefore } = useCases.denyDocument()
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
