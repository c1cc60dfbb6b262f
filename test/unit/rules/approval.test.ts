import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type CountedReview, decide, decideReview, type ReviewFacts, stepsOf } from '../../../src/rules/approval.ts'
import { ADA, BO, entitlement, LEAD, OWNERS, person, TENANT } from './a-rules-file.ts'

const bo: ReviewFacts = {
  requesterId: ADA,
  tenantId: TENANT,
  reviewer: person(BO),
  reviewerGroups: new Set(),
  managerId: undefined,
}

interface Case extends Partial<ReviewFacts> {
  readonly description: string
}

const may: readonly (Case & { as: string })[] = [
  { description: 'the manager', managerId: BO, as: 'manager' },
  { description: 'a member of a group that is named', reviewerGroups: new Set([OWNERS]), as: 'group:owners' },
  { description: 'a person who is named', reviewer: person(LEAD), as: 'person:lead' },
  {
    description: 'who is several of these, as the first',
    managerId: BO,
    reviewerGroups: new Set([OWNERS]),
    as: 'manager',
  },
]

const mayNot: readonly (Case & { reason: RegExp })[] = [
  {
    description: 'the requester, though their own manager, in the group, disabled, a guest and of another tenant',
    reviewer: person(ADA, { enabled: false, guest: true, tenantId: 'other' }),
    reviewerGroups: new Set([OWNERS]),
    managerId: ADA,
    reason: /asked for this yourself/,
  },
  {
    description: 'the requester with their id in other letters',
    reviewer: person(ADA.toUpperCase()),
    managerId: ADA.toUpperCase(),
    reason: /asked for this yourself/,
  },
  {
    description: 'the manager of another tenant',
    reviewer: person(BO, { tenantId: 'other' }),
    managerId: BO,
    reason: /another tenant/,
  },
  { description: 'a disabled manager', reviewer: person(BO, { enabled: false }), managerId: BO, reason: /disabled/ },
  {
    description: 'a guest in the group',
    reviewer: person(BO, { guest: true }),
    reviewerGroups: new Set([OWNERS]),
    reason: /guest/,
  },
  {
    description: 'anybody else, who is told whom the rules ask',
    reason: /asks the requester's manager or a member of owners or lead\. Leave it to one of them\.$/,
  },
  { description: 'the manager of somebody else', managerId: LEAD, reason: /asks the requester's manager/ },
  { description: 'a member of another group', reviewerGroups: new Set(['another']), reason: /asks/ },
]

describe('may review', () => {
  test.each(may)('$description', ({ description: _, as, ...facts }) => {
    expect(decideReview(entitlement('clean-up'), { ...bo, ...facts })).toEqual({ may: true, as })
  })
})

describe('may not review', () => {
  test.each(mayNot)('$description', ({ description: _, reason, ...facts }) => {
    const decision = decideReview(entitlement('clean-up'), { ...bo, ...facts })
    expect(decision).toEqual({ may: false, reason: expect.stringMatching(reason) })
  })

  test('a manager whom the entitlement does not ask', () => {
    const decision = decideReview(entitlement('long-read'), { ...bo, managerId: BO })
    expect(decision).toEqual({ may: false, reason: 'Entitlement long-read asks lead. Leave it to one of them.' })
  })

  test('the requester, in whatever state of the directory', () => {
    const facts = fc.record({
      requesterId: fc.constant(ADA),
      tenantId: fc.constantFrom(TENANT, 'other'),
      reviewer: fc.record({ enabled: fc.boolean(), guest: fc.boolean() }).map((change) => person(ADA, change)),
      reviewerGroups: fc.subarray([OWNERS]).map((groups) => new Set(groups)),
      managerId: fc.constantFrom(ADA, BO, undefined),
    })
    fc.assert(
      fc.property(facts, fc.constantFrom('month-end', 'clean-up', 'long-read'), (one, name) => {
        expect(decideReview(entitlement(name), one)).toEqual({
          may: false,
          reason: expect.stringMatching(/^You asked for this yourself/),
        })
      }),
    )
  })
})

describe('what the reviews decide together', () => {
  const MANAGER = { kind: 'manager' } as const
  const GROUP = { kind: 'group', name: 'owners', id: OWNERS } as const
  const by = (objectId: string, as: string, decision: CountedReview['decision'] = 'approve'): CountedReview => ({
    reviewer: { objectId },
    as,
    decision,
  })
  const one = [{ from: [MANAGER, GROUP], need: 1 }]
  const pair = [{ from: [GROUP], need: 2 }]
  const row = [
    { from: [MANAGER], need: 1 },
    { from: [MANAGER, GROUP], need: 1 },
  ]

  test.each([
    ['no review', one, [], 'pending'],
    ['one approval of one step', one, [by(BO, 'group:owners')], 'approved'],
    ['an approval by somebody whom no step names', one, [by(BO, 'person:lead')], 'pending'],
    ['one denial, whatever else there is', one, [by(BO, 'manager'), by(LEAD, 'group:owners', 'deny')], 'denied'],
    ['a denial by somebody whom no step names', one, [by(BO, 'person:lead', 'deny')], 'denied'],
    ['one of two approvals', pair, [by(BO, 'group:owners')], 'pending'],
    ['two approvals by the same person', pair, [by(BO, 'group:owners'), by(BO, 'group:owners')], 'pending'],
    ['two approvals by two people', pair, [by(BO, 'group:owners'), by(LEAD, 'group:owners')], 'approved'],
    ['the second step without the first', row, [by(BO, 'group:owners')], 'pending'],
    ['one person for both steps', row, [by(BO, 'manager'), by(BO, 'manager')], 'pending'],
    ['both steps by two people', row, [by(LEAD, 'group:owners'), by(BO, 'manager')], 'approved'],
    ['rules without steps', [], [by(BO, 'manager')], 'pending'],
  ] as const)('%s', (_name, steps, reviews, outcome) => {
    expect(decide(steps, reviews)).toBe(outcome)
  })

  test('an entitlement of the rules file is one step of all its approvers', () => {
    expect(stepsOf(entitlement('clean-up'))).toEqual([{ from: entitlement('clean-up').approvers, need: 1 }])
    expect(entitlement('clean-up').approvers).toHaveLength(3)
  })
})
