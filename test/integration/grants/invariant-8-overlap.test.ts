import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { PEOPLE } from '../../../sandbox/entra/fixture.ts'
import { LATCHKEY } from '../../../src/audit/events.ts'
import { signApproval } from '../../../src/grants/approval-mac.ts'
import { reconcileDueEntity } from '../../../src/grants/attach/reconcile-entity.ts'
import { beginRevoke } from '../../../src/grants/begin-revoke.ts'
import type { Credentials } from '../../../src/grants/driver.ts'
import type { Grant, Terms } from '../../../src/grants/grant.ts'
import { orderOf } from '../../../src/grants/grant-order.ts'
import type { Principal } from '../../../src/grants/principal.ts'
import type { AskableLevel } from '../../../src/rules/levels.ts'
import { newId } from '../../../src/store/ids.ts'
import { LIVE } from '../../../src/store/indexes.ts'
import { activateGrant } from '../../../workers/activate-grant.ts'
import { revokeGrant } from '../../../workers/revoke-grant.ts'
import { BUCKET } from '../../fixtures/attach-driver.ts'
import { type AttachUseCases, attachPrincipalOf, openAttachUseCases } from '../../fixtures/attach-use-cases.ts'

/** DESIGN §2.8 against a model without documents or policies: who may write or delete which key. */

type Person = 'rita' | 'finn'
const KEYS = ['2026/a', '2026/x/a', 'tmp/a'] as const
const SCOPES = ['2026/', '2026/x/', 'tmp/', ''] as const
const LEVELS = ['write', 'delete'] as const satisfies readonly AskableLevel[]

interface Live {
  readonly id: string
  readonly person: Person
  readonly scope: string
  readonly level: (typeof LEVELS)[number]
  /** The vended credentials of a `session` grant. */
  readonly credentials?: Credentials
}

let useCases: AttachUseCases
let principals: Readonly<Record<Person, Principal>>
beforeAll(async () => {
  useCases = await openAttachUseCases('overlap')
  const [rita, finn] = [await useCases.grantedAttach('rita'), await useCases.grantedAttach('finn')]
  principals = {
    rita: attachPrincipalOf(await useCases.grant(rita)),
    finn: attachPrincipalOf(await useCases.grant(finn)),
  }
  await useCases.revoked(rita)
  await useCases.revoked(finn)
})
afterAll(() => useCases.close())

/** Writes a grant as the commit of an approval does, because the hourly limit allows no more requests. */
async function approve(person: Person, principal: Principal, what: Pick<Live, 'scope' | 'level'>): Promise<string> {
  const id = newId('g')
  const nowMs = await useCases.record.now()
  const terms: Terms = {
    grantId: id,
    requestId: newId('r'),
    requestVersion: 1,
    requester: PEOPLE[person],
    principal,
    scopes: [`s3://${BUCKET}/${what.scope}`],
    levels: [what.level],
    durationMinutes: 30,
    decidedAt: new Date(nowMs).toISOString(),
    approver: PEOPLE.dana,
    entitlement: principal.driver === 'attach' ? 'own-role' : 'finance-reports',
    rulesHash: 'abc',
  }
  const mac = signApproval(useCases.deps.approvalKey, terms)
  const grant: Grant = {
    id,
    status: 'activating',
    terms,
    mac,
    requesterName: person,
    approverName: 'Dana',
    attempts: 0,
  }
  await useCases.record.commit({
    records: [{ kind: 'grant', id, expectedVersion: 0, next: grant }],
    due: [{ kind: 'grants', id, at: nowMs }],
    indexes: [{ ...LIVE, id, at: nowMs }],
    audit: [
      { kind: 'request.approved', actor: LATCHKEY, requestId: terms.requestId, grantId: id, as: 'x', comment: '' },
    ],
  })
  return id
}

async function give(person: Person, what: Pick<Live, 'scope' | 'level'>): Promise<Live> {
  const id = await approve(person, principals[person], what)
  await activateGrant(useCases.deps, id)
  expect((await useCases.grant(id)).status).toBe('active')
  return { ...what, id, person }
}

async function vend(person: Person, what: Pick<Live, 'scope' | 'level'>): Promise<Live> {
  const id = await approve(person, useCases.principal, what)
  await activateGrant(useCases.sessions, id)
  return { ...what, id, person, credentials: await useCases.deps.driver.vend(orderOf(await useCases.genuine(id))) }
}

async function revoke({ id }: Live): Promise<void> {
  await beginRevoke(useCases.record, await useCases.genuine(id), { cause: 'done', actor: LATCHKEY })
  await revokeGrant(useCases.deps, id)
}

/** Ends the grant in the record. What AWS still holds is then only removed. */
async function expire({ id, credentials }: Live): Promise<void> {
  // A session ends by AWS's clock alone, which these runs do not move.
  if (credentials) return
  await useCases.overwrite(id, (grant) => ({ ...grant, endsAt: '2026-01-01T00:00:00.000Z' }))
  await revokeGrant(useCases.deps, id)
  await reconcileDueEntity(useCases.deps, id)
}

const covers = (live: Live, level: string, key: string) => live.level === level && key.startsWith(live.scope)

async function check(live: readonly Live[]): Promise<void> {
  for (const person of ['rita', 'finn'] as const)
    for (const key of KEYS) {
      const own = live.filter((one) => one.person === person && one.credentials === undefined)
      const may = (level: string) => (own.some((one) => covers(one, level, key)) ? 'done' : 'AccessDenied')
      expect([person, key, await useCases[person].put(key)]).toEqual([person, key, may('write')])
      expect([person, key, await useCases[person].remove(key)]).toEqual([person, key, may('delete')])
      expect(await useCases[person].list('2026/')).toBe('done')
    }
}

/** Each session may use its own grant only, not another's and not what is attached to a role of the same person. */
async function checkSessions(live: readonly Live[], ended: readonly Live[]): Promise<void> {
  for (const one of [...live, ...ended]) {
    if (!one.credentials) continue
    for (const key of KEYS)
      expect([one.id, key, await useCases.canWrite(one.credentials, key)]).toEqual([
        one.id,
        key,
        live.includes(one) && covers(one, 'write', key),
      ])
  }
}

const what = fc.record({
  person: fc.constantFrom<Person>('rita', 'finn'),
  scope: fc.constantFrom(...SCOPES),
  level: fc.constantFrom(...LEVELS),
})
const move = fc.oneof(
  { weight: 4, arbitrary: fc.record({ act: fc.constant('give' as const), what }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('vend' as const), what }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('again' as const), pick: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('revoke' as const), pick: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('expire' as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('look' as const) }) },
)
type Move = typeof move extends fc.Arbitrary<infer M> ? M : never

interface State {
  live: readonly Live[]
  ended: readonly Live[]
}

async function play(state: State, next: Move): Promise<void> {
  if (next.act === 'look') return void (await useCases.reconcile(true))
  if (next.act === 'give' || next.act === 'vend') {
    const made = await (next.act === 'give' ? give : vend)(next.what.person, next.what)
    state.live = [...state.live, made]
    return
  }
  const picked = state.live[next.pick % Math.max(1, state.live.length)]
  if (picked === undefined) return
  // Once more while the grant is live: the end of one must leave the other.
  if (next.act === 'again' && !picked.credentials) state.live = [...state.live, await give(picked.person, picked)]
  if (next.act === 'again' || (next.act === 'expire' && picked.credentials)) return
  await (next.act === 'revoke' ? revoke : expire)(picked)
  state.live = state.live.filter((one) => one !== picked)
  state.ended = [...state.ended, picked]
}

it('any interleaving of grants, ends and looks leaves each person the baseline and the union of their live grants', async () => {
  const property = fc.asyncProperty(fc.array(move, { minLength: 1, maxLength: 8 }), async (moves) => {
    const state: State = { live: [], ended: [] }
    try {
      for (const next of moves) {
        await play(state, next)
        await check(state.live)
      }
      await checkSessions(state.live, state.ended)
    } finally {
      for (const one of state.live) await revoke(one)
    }
    expect(useCases.attachedGrants()).toEqual([])
  })
  await fc.assert(property, { numRuns: 12, endOnFailure: true })
})
