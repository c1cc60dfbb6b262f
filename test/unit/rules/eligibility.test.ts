import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LatchkeyError } from '../../../src/errors.ts'
import type { Person } from '../../../src/rules/directory.ts'
import { type Ask, decideEligibility, entitlementsFor, groupIdsOf } from '../../../src/rules/eligibility.ts'
import { parseRules } from '../../../src/rules/file/parse-rules.ts'
import { LEVELS, type Level } from '../../../src/rules/levels.ts'
import { contains, parseScope } from '../../../src/rules/scope.ts'
import { ADA, change, FINANCE, LEAD, OWNERS, person, rules } from './a-rules-file.ts'

interface Case {
  readonly description: string
  readonly person?: Person
  readonly groups?: readonly string[]
  readonly scopes: readonly string[]
  readonly levels: readonly Level[]
  readonly durationMinutes?: number
}

const REPORTS = 's3://finance-reports/2026/'

const eligible: readonly (Case & { entitlement: string; minutes: number })[] = [
  {
    description: 'the whole of an entitlement, for its default time',
    scopes: [REPORTS],
    levels: ['read', 'write'],
    entitlement: 'month-end',
    minutes: 45,
  },
  {
    description: 'a part of an entitlement: one object, one level, its longest time to the minute',
    scopes: [`${REPORTS}q1.csv`],
    levels: ['write'],
    durationMinutes: 240,
    entitlement: 'month-end',
    minutes: 240,
  },
  {
    description: 'several scopes inside one entitlement',
    scopes: [`${REPORTS}q1/`, `${REPORTS}q2/`],
    levels: ['read'],
    entitlement: 'month-end',
    minutes: 45,
  },
  {
    description: 'the first in the file where two entitlements match',
    scopes: [REPORTS],
    levels: ['read'],
    durationMinutes: 60,
    entitlement: 'month-end',
    minutes: 60,
  },
  {
    description: 'the second where only its time is long enough',
    scopes: [REPORTS],
    levels: ['read'],
    durationMinutes: 2880,
    entitlement: 'long-read',
    minutes: 2880,
  },
  {
    description: 'a person who is named, in no group at all',
    person: person(LEAD),
    groups: [],
    scopes: ['s3://finance-reports/tmp/'],
    levels: ['delete'],
    entitlement: 'clean-up',
    minutes: 30,
  },
]

const notEligible: readonly (Case & { reason: RegExp; mayAsk?: readonly string[] })[] = [
  {
    description: 'a disabled account, before anything else',
    person: person(ADA, { enabled: false }),
    scopes: [REPORTS],
    levels: ['read'],
    reason: /account is disabled/,
    mayAsk: [],
  },
  {
    description: 'a guest, whatever groups they are in',
    person: person(ADA, { guest: true }),
    scopes: [REPORTS],
    levels: ['read'],
    reason: /guest/,
    mayAsk: [],
  },
  {
    description: 'somebody whom no entitlement names',
    groups: [OWNERS],
    scopes: [REPORTS],
    levels: ['read'],
    reason: /No entitlement names you/,
    mayAsk: [],
  },
  { description: 'no scope', scopes: [], levels: ['read'], reason: /names no scope/ },
  { description: 'no level', scopes: [REPORTS], levels: [], reason: /names no level/ },
  ...[0, -5, 1.5, Number.NaN, Number.POSITIVE_INFINITY].map((durationMinutes) => ({
    description: `a duration of ${durationMinutes} minutes`,
    scopes: [REPORTS],
    levels: ['read' as const],
    durationMinutes,
    reason: /whole number of minutes/,
  })),
  {
    description: 'two buckets in one ask, even if one entitlement reaches both',
    scopes: [REPORTS, 's3://payroll/out/'],
    levels: ['read'],
    reason: /one bucket/,
  },
  {
    description: 'a prefix above the entitlement',
    scopes: ['s3://payroll/'],
    levels: ['read'],
    reason: /reaches s3:\/\/payroll\/\./,
  },
  {
    description: 'a prefix without its slash is one object, and the person is told so',
    scopes: ['s3://payroll/out'],
    levels: ['read'],
    reason: /reaches s3:\/\/payroll\/out\. Did you mean s3:\/\/payroll\/out\/, with a slash at the end\?/,
  },
  {
    description: 'a neighbour whose name begins alike',
    scopes: ['s3://payroll/outside/'],
    levels: ['read'],
    reason: /reaches s3:\/\/payroll\/outside\/\./,
  },
  {
    description: 'a bucket that the rules do not list',
    scopes: ['s3://not-there/'],
    levels: ['read'],
    reason: /^No entitlement of yours reaches s3:\/\/not-there\/\.$/,
  },
  {
    description: 'one scope inside and one outside',
    scopes: ['s3://payroll/out/', 's3://payroll/in/'],
    levels: ['read'],
    reason: /reaches s3:\/\/payroll\/in\/\./,
  },
  {
    description: 'a level that nobody has there; what is near is offered first',
    scopes: ['s3://payroll/out/'],
    levels: ['read', 'delete'],
    reason: /allows delete on s3:\/\/payroll\/out\/\./,
    mayAsk: [
      'month-end: read, write on s3://finance-reports/2026/, s3://payroll/out/ for up to 4h',
      'clean-up: delete on s3://finance-reports/tmp/ for up to 1h',
      'long-read: read on s3://finance-reports/ for up to 2d',
    ],
  },
  {
    description: 'two levels that two entitlements have, but none together',
    scopes: ['s3://finance-reports/tmp/'],
    levels: ['delete', 'read'],
    reason: /No single entitlement of yours allows read, delete .* one by one/,
  },
  {
    description: 'a minute more than the longest time',
    scopes: [REPORTS],
    levels: ['write'],
    durationMinutes: 241,
    reason: /^241m is too long: you may have write on s3:\/\/finance-reports\/2026\/ for 4h at most\.$/,
  },
]

function decide(one: Case) {
  const ask: Ask = {
    scopes: one.scopes.map(parseScope),
    levels: one.levels,
    ...(one.durationMinutes === undefined ? {} : { durationMinutes: one.durationMinutes }),
  }
  return decideEligibility(
    rules(),
    { person: one.person ?? person(ADA), groups: new Set(one.groups ?? [FINANCE]) },
    ask,
  )
}

describe('may ask', () => {
  test.each(eligible)('$description', (one) => {
    const decision = decide(one)
    expect(decision).toMatchObject({
      eligible: true,
      entitlement: { name: one.entitlement },
      account: { id: '111122223333' },
      durationMinutes: one.minutes,
      reason: expect.stringMatching(new RegExp(`^Entitlement ${one.entitlement} lets .*\\.$`)),
    })
  })
})

describe('may not ask', () => {
  test.each(notEligible)('$description', (one) => {
    const decision = decide(one)
    expect(decision).toMatchObject({ eligible: false, reason: expect.stringMatching(one.reason) })
    if (one.mayAsk) expect(decision).toHaveProperty('mayAsk', one.mayAsk)
  })

  test('somebody with two holders that differ is not told to ask for what was just refused, but whom to tell', () => {
    const rows = `principals: {prod: {group:finance: {role: analyst, sessionName: mail}, person:lead: {user: lead}}}\nentitlements:`
    const text = change('entitlements:', rows).replace(
      '    levels: [delete]',
      '    levels: [delete]\n    driver: attach',
    )
    const who = { person: person(LEAD), groups: new Set([FINANCE]) }
    const ask = { scopes: [parseScope('s3://finance-reports/tmp/')], levels: ['delete'] as const }
    const decision = decideEligibility(parseRules(text), who, ask)
    if (decision.eligible) throw new Error('Two holders that differ were taken.')
    const { message } = new LatchkeyError('NOT_ELIGIBLE', decision)
    expect(message).toMatch(/more than one role or user of yours/)
    expect(message).toMatch(/Tell an owner of Latchkey\.$/)
    expect(message).not.toMatch(/You may ask for/)
  })

  test('a bucket of others reads like one that is not there', () => {
    const stranger = { person: person(LEAD), groups: [], levels: ['read'] as const }
    const listed = decide({ ...stranger, description: 'listed', scopes: ['s3://payroll/'] })
    const unlisted = decide({ ...stranger, description: 'unlisted', scopes: ['s3://not-there/'] })
    expect(JSON.stringify(unlisted)).toBe(JSON.stringify(listed).replace('s3://payroll/', 's3://not-there/'))
  })
})

test('whatever is eligible lies inside its entitlement: scope, level and time', () => {
  const keys = fc.constantFrom('', '2026/', '2026/a', '2026-x/', 'tmp/', 'out/', 'out/b')
  const scopes = fc
    .tuple(fc.constantFrom('finance-reports', 'payroll', 'not-there'), fc.array(keys, { minLength: 1, maxLength: 3 }))
    .map(([bucket, some]) => some.map((key) => ({ bucket, key })))
  const asks = fc.record({
    scopes,
    levels: fc.subarray([...LEVELS], { minLength: 1 }),
    durationMinutes: fc.integer({ min: 1, max: 4000 }),
  })
  fc.assert(
    fc.property(asks, fc.subarray([FINANCE, OWNERS]), (ask, groups) => {
      const decision = decideEligibility(rules(), { person: person(ADA), groups: new Set(groups) }, ask)
      if (!decision.eligible) return
      const { entitlement } = decision
      expect(groups).toContain(FINANCE)
      for (const scope of ask.scopes) expect(entitlement.scopes.some((outer) => contains(outer, scope))).toBe(true)
      for (const level of ask.levels) expect(entitlement.levels).toContain(level)
      expect(decision.durationMinutes).toBe(ask.durationMinutes)
      expect(ask.durationMinutes).toBeLessThanOrEqual(entitlement.longestMinutes)
    }),
    { numRuns: 300 },
  )
})

describe('what a form offers', () => {
  const offered = (who = person(ADA), groups: readonly string[] = [FINANCE]) =>
    entitlementsFor(rules(), { person: who, groups: new Set(groups) })

  test('every entitlement of this person, in the order of the file', () => {
    expect(offered()).toMatchObject({
      some: true,
      entitlements: [{ name: 'month-end' }, { name: 'clean-up' }, { name: 'long-read' }],
    })
    expect(offered(person(LEAD), [])).toMatchObject({ some: true, entitlements: [{ name: 'clean-up' }] })
  })

  test.each([
    ['a disabled account', person(ADA, { enabled: false }), [FINANCE], /disabled/],
    ['a guest', person(ADA, { guest: true }), [FINANCE], /guest/],
    ['somebody whom no entitlement names', person(ADA), [OWNERS], /No entitlement names you/],
  ])('%s is offered nothing, and told why', (_, who, groups, reason) => {
    expect(offered(who, groups)).toEqual({ some: false, reason: expect.stringMatching(reason) })
  })

  test('all of it may be asked for', () => {
    const people = fc.constantFrom(person(ADA), person(LEAD), person(ADA, { guest: true }))
    fc.assert(
      fc.property(people, fc.subarray([FINANCE, OWNERS]), fc.nat(), fc.nat(), (who, groups, some, minutes) => {
        const asker = { person: who, groups: new Set(groups) }
        const offer = entitlementsFor(rules(), asker)
        for (const { scopes, levels, longestMinutes } of offer.some ? offer.entitlements : []) {
          const chosen = levels.filter((_, position) => position === some % levels.length || some % 2 === 0)
          const durationMinutes = 1 + (minutes % longestMinutes)
          for (const scope of scopes)
            expect(
              decideEligibility(rules(), asker, { scopes: [scope], levels: chosen, durationMinutes }),
            ).toMatchObject({
              eligible: true,
            })
        }
      }),
    )
  })
})

test('every group of the rules is asked for once', () => {
  expect(groupIdsOf(rules())).toEqual([FINANCE, OWNERS])
})
