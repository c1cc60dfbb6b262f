import fc from 'fast-check'
import { expect, test } from 'vitest'
import { evaluate } from '../../../sandbox/aws/evaluator.ts'
import { parsePolicy } from '../../../sandbox/aws/policy.ts'
import { attachDocument } from '../../../src/policies/attached-policy.ts'
import { iamTime } from '../../../src/policies/iam-time.ts'
import type { AskableLevel } from '../../../src/rules/levels.ts'

/** DESIGN §2.8: the principal has exactly its baseline plus the union of its live grants, by the sandbox's evaluator. */

const ROLE = 'arn:aws:iam::111122223333:role/app-team'
const ROLE_ID = 'AROAEXAMPLEEXAMPLE123'
const PEOPLE = ['alice', 'bob'] as const
const START = Date.parse('2026-11-22T10:00:00Z')
const MINUTE = 60_000

const BASELINE = parsePolicy(
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::finance-reports/2025/*' }],
  }),
)

const ACTIONS: Readonly<Record<'read' | 'write' | 'delete', string>> = {
  read: 's3:GetObject',
  write: 's3:PutObject',
  delete: 's3:DeleteObject',
}
type Level = keyof typeof ACTIONS & AskableLevel
const LEVELS: readonly Level[] = ['read', 'write', 'delete']
const KEYS = ['2025/a', '2026/a', '2026/x/a', '2026', 'one.csv', 'one.csv.bak', 'a'] as const

interface Given {
  readonly who: (typeof PEOPLE)[number]
  readonly scope: string
  readonly levels: readonly Level[]
  readonly fromMinute: number
  readonly minutes: number
}

const given = fc.record<Given>({
  who: fc.constantFrom(...PEOPLE),
  scope: fc.constantFrom('', '2025/', '2026/', '2026/x/', 'one.csv'),
  levels: fc.uniqueArray(fc.constantFrom(...LEVELS), { minLength: 1 }),
  fromMinute: fc.integer({ min: 0, max: 20 }),
  minutes: fc.integer({ min: 1, max: 20 }),
})

function policyOf({ who, scope, levels, fromMinute, minutes }: Given) {
  const text = attachDocument(
    {
      principal: { userid: `${ROLE_ID}:${who}` },
      scopes: [{ bucket: 'finance-reports', key: scope }],
      levels,
      startsAt: iamTime(START + fromMinute * MINUTE),
      endsAt: iamTime(START + (fromMinute + minutes) * MINUTE),
    },
    { region: 'eu-west-1' },
  )
  return parsePolicy(text)
}

/** The expected answer, from the grants and without a document. */
function should(grants: readonly Given[], who: string, level: Level, key: string, minute: number): boolean {
  if (level === 'read' && key.startsWith('2025/')) return true
  return grants.some((one) => {
    const inScope = one.scope === '' || one.scope.endsWith('/') ? key.startsWith(one.scope) : key === one.scope
    const inTime = minute >= one.fromMinute && minute < one.fromMinute + one.minutes
    return one.who === who && one.levels.includes(level) && inScope && inTime
  })
}

test('whatever grants lie on one role, each person has the baseline and the union of their own live ones', () => {
  fc.assert(
    fc.property(fc.array(given, { maxLength: 6 }), fc.integer({ min: 0, max: 40 }), (grants, minute) => {
      const identityPolicies = [BASELINE, ...grants.map(policyOf)]
      for (const who of PEOPLE)
        for (const level of LEVELS)
          for (const key of KEYS) {
            const { allowed } = evaluate({
              identityPolicies,
              principal: {
                arn: `arn:aws:sts::111122223333:assumed-role/app-team/${who}`,
                account: '111122223333',
                roleArn: ROLE,
              },
              request: {
                action: ACTIONS[level],
                resource: `arn:aws:s3:::finance-reports/${key}`,
                context: { 'aws:userid': `${ROLE_ID}:${who}`, 'aws:CurrentTime': iamTime(START + minute * MINUTE) },
              },
            })
            const what = `${who} ${level} ${key} at ${minute}`
            expect(`${what}: ${allowed}`).toBe(`${what}: ${should(grants, who, level, key, minute)}`)
          }
    }),
    { numRuns: 150 },
  )
})
