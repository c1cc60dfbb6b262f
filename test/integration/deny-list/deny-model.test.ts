import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { byOperator } from '../../../src/audit/events.ts'
import { endGrant } from '../../../src/grants/end-grant.ts'
import type { Grant } from '../../../src/grants/grant.ts'
import { sessionUserId } from '../../../src/grants/principal.ts'
import { checkEpoch, renewEpoch } from '../../../src/grants/recovery/epoch.ts'
import { DENY_POLICY } from '../../../src/policies/deny-document.ts'
import { revokeGrant } from '../../../workers/revoke-grant.ts'
import { activeGrant, commitGrants } from '../../fixtures/active-grants.ts'
import { openDenyListUseCases } from '../../fixtures/deny-list.ts'

/** One role on a real record and the sandbox's AWS, against a model that knows only which grants were ended. */

const useCases = await openDenyListUseCases('model')
const { deps, aws, role, principal } = useCases
afterAll(() => useCases.close())

type Move =
  | 'end early'
  | 'end on time'
  | 'round'
  | 'recover'
  | 'Deny deleted by hand'
  | 'Deny edited by hand'
  | 'answer lost'

class Reference {
  readonly live: Grant[] = []
  readonly over: Grant[] = []
  readonly ended = new Set<string>()
}

async function act(move: Move, model: Reference): Promise<void> {
  if (move === 'end early') return await endEarly(model.live.pop(), model)
  if (move === 'end on time') return await endOnTime(model.over.pop())
  if (move === 'round') return await checkEpoch(deps)
  if (move === 'recover') return await renewEpoch(deps, byOperator('olga'))
  if (move === 'answer lost') return aws.faults.loseReply({ action: 'PutRolePolicy' })
  const text = role.inline.current().get(DENY_POLICY)
  if (move === 'Deny deleted by hand') role.inline.delete(DENY_POLICY, aws.clock.now())
  else if (text !== undefined)
    role.inline.put(DENY_POLICY, JSON.stringify(JSON.parse(text), undefined, 1), aws.clock.now())
}

async function endEarly(grant: Grant | undefined, model: Reference): Promise<void> {
  if (!grant) return
  await endGrant(deps, useCases.as('rita'), grant.id)
  model.ended.add(sessionUserId(principal, grant.id))
  await untilOver(grant.id)
}

async function endOnTime(grant: Grant | undefined): Promise<void> {
  if (grant) await untilOver(grant.id)
}

/** Repeats the job until it is done, as the queue does. */
async function untilOver(grantId: string): Promise<void> {
  for (;;) {
    const ran = await Promise.allSettled([revokeGrant(deps, grantId)])
    const { status } = await useCases.grant(grantId)
    if (status === 'revoked' || status === 'expired') return
    expect(ran).toHaveLength(1)
  }
}

const move = fc.constantFrom<Move>(
  'end early',
  'end early',
  'end on time',
  'round',
  'recover',
  'Deny deleted by hand',
  'Deny edited by hand',
  'answer lost',
)

test('whatever happens to a role at once and in whatever order, exactly those that were ended early are denied there', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(move, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 }),
      async (turns) => {
        role.inline.delete(DENY_POLICY, aws.clock.now())
        await useCases.empty()
        await checkEpoch(deps)
        const model = new Reference()
        const nowMs = await deps.record.now()
        model.live.push(...Array.from({ length: 8 }, () => activeGrant(principal, nowMs)))
        model.over.push(...Array.from({ length: 8 }, () => activeGrant(principal, nowMs, nowMs - 1_000)))
        await commitGrants(deps.record, [...model.live, ...model.over])
        for (const together of turns) {
          await Promise.all(together.map((one) => act(one, model)))
          aws.faults.clear()
          await checkEpoch(deps)
          expect(new Set(useCases.denyDocument().denied)).toEqual(model.ended)
          expect(useCases.denyDocument().epoch).toBe(await deps.record.epoch())
        }
      },
    ),
    { numRuns: 25 },
  )
}, 120_000)
