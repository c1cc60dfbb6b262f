import { describe, expect, test } from 'vitest'
import { type Context, evaluate } from '../../../sandbox/aws/evaluator.ts'
import { type PolicyDocument, parsePolicy } from '../../../sandbox/aws/policy.ts'
import { grantStatements, iamDocument } from '../../../src/policies/grant-statements.ts'
import type { Conditions } from '../../../src/rules/conditions.ts'
import { ASKABLE_LEVELS, type Level } from '../../../src/rules/levels.ts'
import { parseScope } from '../../../src/rules/scope.ts'
import { type PreviewLine, previewLines, previewOf } from '../../../src/views/preview.ts'

/** The lines of a card, checked by the sandbox's evaluator against the document that enforces the grant. */

const END = '2026-11-22T14:45:00Z'
const NOW = { 'aws:CurrentTime': '2026-11-22T14:44:59Z' }
const ARN = 'arn:aws:s3:::finance-reports'

interface Asked {
  readonly scopes: readonly string[]
  readonly levels: readonly Level[]
  readonly conditions?: Conditions
}

function policyOf({ scopes, levels, conditions }: Asked): PolicyDocument {
  const order = { scopes: scopes.map(parseScope), levels, endsAt: END, ...(conditions && { conditions }) }
  return parsePolicy(iamDocument(grantStatements(order, { region: 'eu-west-1' })))
}

function allows(policy: PolicyDocument, action: string, resource: string, context: Context): boolean {
  const principal = { arn: 'arn:aws:iam::111122223333:user/rita', account: '111122223333', roleArn: undefined }
  return evaluate({ identityPolicies: [policy], principal, request: { action, resource, context } }).allowed
}

/** One request for each action and scope of a line. */
function requestsOf({ on, actions }: PreviewLine, scopes: readonly string[]) {
  return scopes.map(parseScope).flatMap(({ key }) => {
    const isPrefix = key === '' || key.endsWith('/')
    const prefix: Context = on === 'names' ? { 's3:prefix': key } : {}
    if (on === 'names' && !isPrefix) return []
    const resource = on === 'objects' ? `${ARN}/${isPrefix ? `${key}a.csv` : key}` : ARN
    return actions.map((action) => ({ action, resource, context: prefix }))
  })
}

/** Other actions with the same effect. A person who cannot do something must not be able to do it through these. */
const COMES_TO_THE_SAME: Readonly<Record<string, readonly string[]>> = {
  'see names': ['s3:ListBucketVersions', 's3:ListBucketMultipartUploads'],
  download: ['s3:GetObjectVersion', 's3:GetObjectTorrent'],
  delete: ['s3:DeleteObjectVersion'],
  upload: ['s3:ReplicateObject'],
  overwrite: ['s3:ReplicateObject', 's3:RestoreObject'],
  'change tags': ['s3:PutObjectVersionTagging', 's3:DeleteObjectVersionTagging', 's3:ReplicateTags'],
  'share objects': ['s3:ObjectOwnerOverrideToBucketOwner', 's3:PutBucketAcl', 's3:PutBucketPolicy'],
}

const SCOPES: readonly (readonly string[])[] = [
  ['s3://finance-reports/'],
  ['s3://finance-reports/2026/'],
  ['s3://finance-reports/q3.csv'],
  ['s3://finance-reports/2026/', 's3://finance-reports/tmp/x/', 's3://finance-reports/q3.csv'],
]

const SETS: readonly (readonly Level[])[] = Array.from({ length: 2 ** ASKABLE_LEVELS.length - 1 }, (_, bits) =>
  ASKABLE_LEVELS.filter((_level, index) => ((bits + 1) >> index) % 2 === 1),
)

const CASES = SETS.flatMap((levels) => SCOPES.map((scopes) => ({ levels, scopes })))

/** Satisfies every condition that a test sets. */
const MEETS: Context = {
  ...NOW,
  'aws:SourceIp': '203.0.113.7',
  'aws:SourceVpce': 'vpce-0a1b2c3d',
  's3:ExistingObjectTag/class': 'public',
}

describe.each(CASES)('$levels in $scopes', ({ levels, scopes }) => {
  const policy = policyOf({ levels, scopes })
  const lines = previewLines({ levels, scopes })

  test('what the preview says can be done, AWS allows, until the end and no longer', () => {
    for (const line of lines.filter(({ can }) => can)) {
      const requests = requestsOf(line, scopes)
      expect(requests.length).toBeGreaterThan(0)
      for (const { action, resource, context } of requests) {
        expect(allows(policy, action, resource, { ...NOW, ...context }), `${line.what}: ${action}`).toBe(true)
        expect(allows(policy, action, resource, { ...context, 'aws:CurrentTime': END })).toBe(false)
      }
    }
  })

  test('what the preview says cannot be done, AWS refuses', () => {
    for (const line of lines.filter(({ can }) => !can)) {
      const actions = [...line.actions, ...(COMES_TO_THE_SAME[line.what] ?? [])]
      for (const { action, resource, context } of requestsOf({ ...line, actions }, scopes))
        expect(allows(policy, action, resource, { ...NOW, ...context }), `${line.what}: ${action}`).toBe(false)
    }
  })

  test('what the preview says can be done, can be done nowhere else', () => {
    const outside = ['elsewhere/a.csv', '2025/a.csv', '2026', 'q3.csv.bak'].filter(
      () => scopes[0] !== 's3://finance-reports/',
    )
    for (const { on, actions } of lines.filter(({ can }) => can))
      for (const action of actions) {
        for (const key of outside) expect(allows(policy, action, `${ARN}/${key}`, NOW), `${action} ${key}`).toBe(false)
        expect(
          allows(policy, action, on === 'objects' ? 'arn:aws:s3:::payroll/2026/a.csv' : 'arn:aws:s3:::payroll', NOW),
        ).toBe(false)
        if (on === 'names' && outside.length > 0)
          expect(allows(policy, action, ARN, { ...NOW, 's3:prefix': '' })).toBe(false)
      }
  })
})

describe('what must be met', () => {
  test.each<[Conditions, string, string]>([
    [{ sourceIps: ['203.0.113.0/24', '198.51.100.0/24'] }, 'from 203.0.113.0/24 or 198.51.100.0/24', 'aws:SourceIp'],
    [{ vpcEndpoints: ['vpce-0a1b2c3d'] }, 'through vpce-0a1b2c3d', 'aws:SourceVpce'],
    [
      { objectTag: { key: 'class', value: 'public' } },
      'objects with the tag class=public',
      's3:ExistingObjectTag/class',
    ],
  ])('%j is said, and AWS wants it', (conditions, said, key) => {
    const asked = {
      scopes: ['s3://finance-reports/2026/'],
      levels: ['read'] as const,
      conditions: conditions,
    }
    expect(previewOf(asked, 'for 1 hour').only).toEqual([said])
    const policy = policyOf(asked)
    const { [key]: _, ...without } = MEETS
    expect(allows(policy, 's3:GetObject', `${ARN}/2026/a.csv`, MEETS)).toBe(true)
    expect(allows(policy, 's3:GetObject', `${ARN}/2026/a.csv`, without)).toBe(false)
  })

  test('a second factor is said, and is no condition of AWS', () => {
    const asked = {
      scopes: ['s3://finance-reports/2026/'],
      levels: ['read'] as const,
      conditions: { mfa: true as const },
    }
    expect(previewOf(asked, 'for 1 hour').only).toEqual(['after a sign-in with a second factor'])
    expect(allows(policyOf(asked), 's3:GetObject', `${ARN}/2026/a.csv`, NOW)).toBe(true)
  })
})

describe('the sentence', () => {
  test('says what, where, what not, and how long', () => {
    const asked = { scopes: ['s3://finance-reports/2026/'], levels: ['write'] as const }
    expect(previewOf(asked, 'until 14:45').sentence).toBe(
      'Can see names, upload and overwrite under s3://finance-reports/2026/; cannot download, delete, read old versions, erase old versions, change tags or share objects; until 14:45.',
    )
  })

  test('of purge says that the present version is read and erased too, and denies neither', () => {
    const { can, cannot } = previewOf({ scopes: ['s3://finance-reports/'], levels: ['purge'] }, 'for 1 hour')
    expect(can).toEqual([
      'see names',
      'read any version (the present one too)',
      'erase any version for good (the present one too)',
    ])
    expect(cannot).toEqual(['upload', 'overwrite', 'change tags', 'share objects'])
  })

  test('of one object does not promise names, and of several scopes names them', () => {
    const one = previewOf({ scopes: ['s3://finance-reports/q3.csv'], levels: ['read'] }, 'for 1 hour')
    expect(one.sentence).toMatch(/^Can download on s3:\/\/finance-reports\/q3\.csv; cannot see names, upload/)
    const several = previewOf({ scopes: SCOPES[3] ?? [], levels: ['read'], conditions: { mfa: true } }, 'for 1 hour')
    expect(several.sentence).toMatch(
      /^Can see names and download in s3:\/\/finance-reports\/2026\/, s3:\/\/finance-reports\/tmp\/x\/ and s3:\/\/finance-reports\/q3\.csv; only after a sign-in with a second factor; cannot/,
    )
  })
})
