import { expect, test } from 'vitest'
import { beginRevoke } from '../../../src/grants/begin-revoke.ts'
import {
  type CheckedGrant,
  checkUse,
  GenuineGrant,
  isBelieved,
  readGenuineGrant,
  readGenuineGrants,
} from '../../../src/grants/genuine-grant.ts'
import type { Grant } from '../../../src/grants/grant.ts'
import { orderOf } from '../../../src/grants/grant-order.ts'
import { APPROVAL_KEY, genuine, someGrant, someTerms } from './a-grant.ts'

const ENDS_AT = '2026-11-22T10:45:00.000Z'
const TOO_LATE = '2026-11-23T10:45:00.000Z'
const active = (changes: Partial<Grant> = {}) => someGrant({ status: 'active', endsAt: ENDS_AT, ...changes })
const check = (grant: Grant): CheckedGrant => GenuineGrant.check(APPROVAL_KEY, { version: 1, grant })

/** As Redis would answer: one answer for all ids. */
function recordOf(grants: readonly Grant[]) {
  const stored = new Map(grants.map((grant) => [grant.id, { version: 3, value: grant }]))
  const trips: (readonly string[])[] = []
  const readMany = async (_kind: string, ids: readonly string[]) => {
    trips.push(ids)
    return ids.map((id) => stored.get(id))
  }
  return { trips, readMany, read: async (_kind: string, id: string) => stored.get(id) }
}

test('a spread copy of a genuine grant is none', () => {
  const given = genuine(active())
  const copy = { ...given, grant: { ...given.grant, endsAt: TOO_LATE } }
  expect(GenuineGrant.isOne(given)).toBe(true)
  expect(GenuineGrant.isOne(copy)).toBe(false)
  expect(copy).not.toBeInstanceOf(GenuineGrant)
  // @ts-expect-error The compiler refuses it too.
  expect(() => orderOf(copy)).toThrow('genuine grant only')
  // @ts-expect-error Nor is it moved to a status that gives access.
  expect(() => copy.moveTo('active')).toThrow(TypeError)
  expect(orderOf(given).endsAt).toBe('2026-11-22T10:45:00Z')
})

test('the compiler lets a grant that was not checked give nothing and revoke nothing', () => {
  const unchecked = { version: 1, grant: active() }
  // @ts-expect-error
  expect(() => orderOf(unchecked)).toThrow('genuine grant only')
  // @ts-expect-error
  const revoke: Parameters<typeof beginRevoke>[1] = unchecked
  expect(revoke).toBe(unchecked)
  expect(beginRevoke).toBeTypeOf('function')
})

test('a grant is read as missing, forged with what is wrong, or genuine', async () => {
  const [given, other] = [active(), active({ terms: someTerms({ grantId: 'g-00000000000x' }) })]
  const forged = { ...active(), id: 'g-00000000000f', mac: 'forged' }
  // A true record under the key of another grant.
  const moved = { ...other, id: 'g-00000000000m' }
  const record = recordOf([given, other, forged, moved])
  const deps = { record, approvalKey: APPROVAL_KEY }
  expect(await readGenuineGrant(deps, 'g-000000000000')).toBeUndefined()
  expect(await readGenuineGrant(deps, 'no id')).toBeUndefined()
  expect(await readGenuineGrant(deps, given.id)).toEqual(GenuineGrant.check(APPROVAL_KEY, { version: 3, grant: given }))
  const read = await readGenuineGrants(deps, [given.id, 'g-000000000000', forged.id, moved.id, other.id])
  expect(read.map((one) => [one.grant.id, one.version, one.kind === 'forged' ? one.fault : one.kind])).toEqual([
    [given.id, 3, 'genuine'],
    [forged.id, 3, 'the MAC is not ours'],
    [moved.id, 3, 'the yes belongs to another grant'],
    [other.id, 3, 'genuine'],
  ])
  expect(record.trips).toHaveLength(1)
})

test.each([
  ['forged', active({ mac: 'forged' }), 'the MAC is not ours', false],
  ['forged, and its end too late', active({ mac: 'forged', endsAt: TOO_LATE }), 'the MAC is not ours', false],
  ['of a true yes, and its end too late', active({ endsAt: TOO_LATE }), 'the end is too late', false],
  ['of a true yes, ended and live again', active({ endedAt: ENDS_AT }), 'the grant had ended already', true],
  ['of a true yes, and over', active({ status: 'expired', endedAt: ENDS_AT }), undefined, true],
  ['of a true yes', active(), undefined, true],
])(
  'a grant that is %s: what is wrong, and whether revoking relies on its principal',
  (_what, grant, fault, believed) => {
    const checked = check(grant)
    const usable = checkUse(checked)
    expect('fault' in usable ? usable.fault : undefined).toBe(fault)
    expect(GenuineGrant.isOne(usable)).toBe(fault === undefined)
    expect(isBelieved(checked)).toBe(believed)
  },
)
