import fc from 'fast-check'
import { expect, test } from 'vitest'
import { signApproval } from '../../../src/grants/approval-mac.ts'
import { checkUse, GenuineGrant } from '../../../src/grants/genuine-grant.ts'
import { type Grant, type Terms, terms } from '../../../src/grants/grant.ts'
import { APPROVAL_KEY, DECIDED_AT, ROLE, someGrant, someTerms } from './a-grant.ts'

const OTHER: { readonly [K in keyof Terms]: Terms[K] } = {
  grantId: 'g-zzzzzzzzzzzz',
  requestId: 'r-zzzzzzzzzzzz',
  requestVersion: 2,
  requester: '33333333-3333-4333-8333-333333333333',
  principal: { ...ROLE, roleArn: 'arn:aws:iam::111122223333:role/Admin' },
  scopes: ['s3://finance-reports/'],
  levels: ['write', 'delete'],
  conditions: { sourceIps: ['203.0.113.0/24'] },
  durationMinutes: 46,
  decidedAt: '2026-11-22T10:00:00.001Z',
  approver: '33333333-3333-4333-8333-333333333333',
  entitlement: 'clean-up',
  rulesHash: 'abd',
}

function faultOf(grant: Grant): string | undefined {
  const usable = checkUse(GenuineGrant.check(APPROVAL_KEY, { version: 1, grant }))
  return 'fault' in usable ? usable.fault : undefined
}

test('a yes that was given adds up', () => {
  expect(faultOf(someGrant())).toBeUndefined()
})

test.each(Object.keys(OTHER) as (keyof Terms)[])(
  'a yes whose %s was changed in the record does not add up',
  (field) => {
    const forged = someGrant({ terms: { ...someTerms(), [field]: OTHER[field] }, mac: someGrant().mac })
    expect(faultOf({ ...forged, id: forged.terms.grantId })).toBe('the MAC is not ours')
  },
)

test.each(['roleArn', 'roleId', 'account'] as const)(
  'a yes whose principal has another %s does not add up',
  (field) => {
    const principal = { ...ROLE, [field]: '999988887777' }
    const forged = someGrant({ terms: { ...someTerms(), principal }, mac: someGrant().mac })
    expect(faultOf(forged)).toBe('the MAC is not ours')
  },
)

test('a yes signed with another key does not add up', () => {
  const forged = someGrant({ mac: signApproval('another-key', someTerms()) })
  expect(faultOf(forged)).toBe('the MAC is not ours')
})

test('a yes copied to another grant does not add up', () => {
  const copied = someGrant({ id: 'g-zzzzzzzzzzzz' })
  expect(faultOf(copied)).toBe('the yes belongs to another grant')
})

test('an end later than the yes, one hour and the duration does not add up', () => {
  const latest = Date.parse(DECIDED_AT) + 3_600_000 + 45 * 60_000
  const at = (ms: number) => someGrant({ endsAt: new Date(ms).toISOString() })
  expect(faultOf(at(latest))).toBeUndefined()
  expect(faultOf(at(latest + 1))).toBe('the end is too late')
})

test('the order of fields in the record does not matter to the yes', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray(Object.entries(someTerms()), { minLength: 12 }), (entries) => {
      const shuffled = terms.parse(Object.fromEntries(entries))
      expect(signApproval(APPROVAL_KEY, Object.assign({}, shuffled, Object.fromEntries(entries)))).toBe(someGrant().mac)
    }),
  )
})
