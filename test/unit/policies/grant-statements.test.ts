import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type Context, evaluate } from '../../../sandbox/aws/evaluator.ts'
import { type PolicyDocument, parsePolicy } from '../../../sandbox/aws/policy.ts'
import { isLatchkeyError } from '../../../src/errors.ts'
import { type BucketFacts, grantStatements, iamDocument } from '../../../src/policies/grant-statements.ts'
import { policySize, SESSION_POLICY_CHARACTERS, sessionPolicy } from '../../../src/policies/session-policy.ts'
import type { Conditions } from '../../../src/rules/conditions.ts'
import { ACTIONS, LEVELS, type Level, NEVER } from '../../../src/rules/levels.ts'
import { contains, type Scope } from '../../../src/rules/scope.ts'

const END = '2026-11-22T11:00:00Z'
const BEFORE = '2026-11-22T10:59:59Z'
const REGION = 'eu-west-1'
const KEY = 'arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab'
const BUCKET: BucketFacts = { region: REGION, kmsKey: KEY }
const PLAIN: BucketFacts = { region: REGION }

const oneOrMore = z.union([z.string(), z.array(z.string())]).transform((one) => [one].flat())
const statement = z.strictObject({
  Effect: z.literal('Allow'),
  Action: oneOrMore,
  Resource: oneOrMore,
  Condition: z.record(z.string(), z.record(z.string(), oneOrMore)),
})
const document = z.strictObject({ Version: z.literal('2012-10-17'), Statement: z.array(statement) })

interface Order {
  readonly scopes: readonly Scope[]
  readonly levels: readonly Level[]
  readonly conditions?: Conditions
  readonly endsAt?: string
}

function write(order: Order, bucket: BucketFacts = PLAIN): string {
  return sessionPolicy({ endsAt: END, ...order }, bucket)
}

function read(order: Order, bucket?: BucketFacts) {
  return document.parse(JSON.parse(write(order, bucket))).Statement
}

/** What AWS would answer to this request of a caller whose only policy is the document. */
function allows(policy: PolicyDocument, action: string, resource: string, context: Context = {}): boolean {
  return evaluate({
    identityPolicies: [policy],
    principal: { arn: 'arn:aws:iam::111122223333:user/alice', account: '111122223333', roleArn: undefined },
    request: { action, resource, context: { 'aws:CurrentTime': BEFORE, ...context } },
  }).allowed
}

// Characters that no parser accepts in a key, because the document must not depend on the parser.
const character = fc.constantFrom('a', 'b', '/', '*', '?', '$', '{', '}', '"', '\\', '.', ' ', 'é', '日', '\n')
const key = fc.string({ unit: character, maxLength: 8 })
const NAME = 'finance-reports'
const scope: fc.Arbitrary<Scope> = key.map((key) => ({ bucket: NAME, key }))
const scopes = fc.array(scope, { minLength: 1, maxLength: 3 })
const objectLevels = LEVELS.filter((level) => level !== 'bucket-policy')
const levels = fc.subarray(objectLevels, { minLength: 1 })

const EVERY_OBJECT_ACTION = [
  ...new Set(LEVELS.flatMap((level) => ACTIONS[level].object)),
  ...['s3:PutObjectAcl', 's3:GetObjectAcl', 's3:PutObjectRetention', 's3:GetObjectVersionTagging', 's3:RestoreObject'],
]
const EVERY_BUCKET_ACTION = [
  ...new Set(LEVELS.flatMap((level) => [...ACTIONS[level].list, ...ACTIONS[level].bucket])),
  ...['s3:ListBucketMultipartUploads', 's3:PutBucketAcl', 's3:DeleteBucket', 's3:PutLifecycleConfiguration'],
]

describe('session policy', () => {
  it('of a prefix allows its objects and the listing of its names, until the end', () => {
    const text = write({ scopes: [{ bucket: NAME, key: '2026/' }], levels: ['read'] })
    expect(JSON.parse(text)).toEqual({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Action: 's3:GetObject',
          Resource: 'arn:aws:s3:::finance-reports/2026/*',
          Condition: { DateLessThan: { 'aws:CurrentTime': END } },
        },
        {
          Effect: 'Allow',
          Action: 's3:ListBucket',
          Resource: 'arn:aws:s3:::finance-reports',
          Condition: { DateLessThan: { 'aws:CurrentTime': END }, StringLike: { 's3:prefix': '2026/*' } },
        },
      ],
    })
    expect(text).not.toMatch(/\s/)
    expect(policySize(text)).toBe(396)
  })

  it('of one object lists nothing, because a listing would show names beside it', () => {
    const statements = read({ scopes: [{ bucket: NAME, key: 'q3.csv' }], levels: ['read', 'write', 'purge'] })
    expect(statements.flatMap(({ Action }) => Action).filter((action) => action.startsWith('s3:List'))).toEqual([
      's3:ListMultipartUploadParts',
    ])
    expect(statements.flatMap(({ Resource }) => Resource)).toEqual(['arn:aws:s3:::finance-reports/q3.csv'])
  })

  it.each(['a*/', 'a?/', '$' + '{aws:username}/'])('takes %s for itself and nothing else', (key) => {
    const policy = parsePolicy(write({ scopes: [{ bucket: NAME, key }], levels: ['read'] }))
    const opens = (name: string) =>
      allows(policy, 's3:GetObject', `arn:aws:s3:::${NAME}/${name}x`, { 'aws:username': 'b' })
    expect([key, 'ab/', 'b/'].map(opens)).toEqual([true, false, false])
  })

  it('of a prefix does not list the names that only begin alike', () => {
    const policy = parsePolicy(write({ scopes: [{ bucket: NAME, key: 'P/' }], levels: ['read'] }))
    const shows = (prefix: string) =>
      allows(policy, 's3:ListBucket', 'arn:aws:s3:::finance-reports', { 's3:prefix': prefix })
    expect(['P/', 'P/a', 'P', '', 'P-secret/'].map(shows)).toEqual([true, true, false, false, false])
    expect(allows(policy, 's3:ListBucket', 'arn:aws:s3:::finance-reports')).toBe(false)
  })

  it('of a whole bucket lists without a prefix, and narrower scopes of that bucket do not take this away', () => {
    const scopes = ['', 'a/'].map((key) => ({ bucket: NAME, key }))
    const lists = read({ scopes, levels: ['read'] }).filter(({ Action }) => Action.includes('s3:ListBucket'))
    expect(lists.map(({ Condition }) => Object.keys(Condition))).toEqual([['DateLessThan']])
  })

  it('is never written without its end', () => {
    const scopes = [{ bucket: NAME, key: '2026/' }]
    const ends = [
      '',
      '2026-11-22',
      '2026-11-22T11:00:00.000Z',
      '2026-11-22T11:00:00+01:00',
      '2026-02-31T00:00:00Z',
      'never',
    ]
    for (const endsAt of ends) expect(() => write({ scopes, levels: ['read'], endsAt }), endsAt).toThrow(TypeError)
  })

  it('is never written for nothing, for two buckets, or for a bucket whose name is a pattern', () => {
    expect(() => write({ scopes: [], levels: ['read'] })).toThrow(TypeError)
    expect(() => write({ scopes: [{ bucket: 'abc', key: '' }], levels: [] })).toThrow(TypeError)
    const two = ['bucket-one', 'bucket-two'].map((bucket) => ({ bucket, key: 'a/' }))
    expect(() => write({ scopes: two, levels: ['read'] })).toThrow(TypeError)
    for (const bucket of ['', '*', 'a*c', 'abc/', '$' + '{aws:username}', 'a?c'])
      expect(() => write({ scopes: [{ bucket, key: '' }], levels: ['read'] }), bucket).toThrow(TypeError)
  })

  it('that AWS would find too long is refused before anybody is asked', () => {
    const scopes = Array.from({ length: 20 }, (_, n) => ({ bucket: NAME, key: `${'long-prefix-'.repeat(8)}${n}/` }))
    const refusal = attempt(() => write({ scopes, levels: ['read'] }))
    expect(isLatchkeyError(refusal, 'QUOTA_FULL')).toBe(true)
  })

  it('of the policy of a bucket is of the whole bucket, touches no object, and is written for no narrower scope', () => {
    expect(read({ scopes: [{ bucket: NAME, key: '' }], levels: ['bucket-policy'] }, BUCKET)).toEqual([
      {
        Effect: 'Allow',
        Action: ['s3:DeleteBucketPolicy', 's3:GetBucketPolicy', 's3:PutBucketPolicy'],
        Resource: ['arn:aws:s3:::finance-reports'],
        Condition: { DateLessThan: { 'aws:CurrentTime': [END] } },
      },
    ])
    for (const key of ['2026/', 'q3.csv'])
      expect(() => write({ scopes: [{ bucket: NAME, key }], levels: ['read', 'bucket-policy'] })).toThrow(TypeError)
  })

  it('has its end in every Allow, whatever is asked and whatever else is bound in', () => {
    fc.assert(
      fc.property(scopes, levels, (scopes, levels) => {
        const binding = { DateGreaterThanEquals: { 'aws:CurrentTime': BEFORE }, StringEquals: { 'aws:userid': 'A:b' } }
        const statements = grantStatements({ scopes, levels, endsAt: END }, BUCKET, binding)
        for (const { Condition } of statements) {
          expect(Condition.DateLessThan?.['aws:CurrentTime']).toBe(END)
          expect(Condition.DateGreaterThanEquals?.['aws:CurrentTime']).toBe(BEFORE)
          expect(Condition.StringEquals?.['aws:userid']).toBe('A:b')
        }
        const policy = parsePolicy(iamDocument(statements))
        const resource = `arn:aws:s3:::${NAME}/${scopes[0]?.key}`
        for (const action of EVERY_OBJECT_ACTION)
          expect(allows(policy, action, resource, { 'aws:userid': 'A:b', 'aws:CurrentTime': END })).toBe(false)
      }),
    )
  })

  it('allows on objects exactly the actions of its levels inside its scopes, whatever characters are in them', () => {
    fc.assert(
      fc.property(scopes, levels, fc.constantFrom(NAME, 'team.data'), key, (scopes, levels, bucket, key) => {
        const policy = parsePolicy(write({ scopes, levels }))
        const inside = key !== '' && scopes.some((scope) => contains(scope, { bucket, key }))
        const asked = new Set(levels.flatMap((level) => [...ACTIONS[level].object]))
        const resource = key === '' ? `arn:aws:s3:::${bucket}` : `arn:aws:s3:::${bucket}/${key}`
        for (const action of EVERY_OBJECT_ACTION)
          expect(allows(policy, action, resource), `${action} ${resource}`).toBe(inside && asked.has(action))
      }),
      { numRuns: 300 },
    )
  })

  it('shows the names inside its scopes and no others, and does nothing else to the bucket', () => {
    fc.assert(
      fc.property(scopes, levels, fc.constantFrom(NAME, 'team.data'), key, (scopes, levels, bucket, prefix) => {
        const policy = parsePolicy(write({ scopes, levels }))
        const listed = scopes.filter(({ key }) => key === '' || key.endsWith('/'))
        const inside = listed.some((scope) => contains(scope, { bucket, key: prefix }))
        const asked = new Set(levels.flatMap((level) => [...ACTIONS[level].list]))
        for (const action of EVERY_BUCKET_ACTION)
          expect(allows(policy, action, `arn:aws:s3:::${bucket}`, { 's3:prefix': prefix })).toBe(
            inside && asked.has(action),
          )
      }),
      { numRuns: 300 },
    )
  })

  it('reaches the key of the bucket only through S3 in its region, and only as its levels need', () => {
    fc.assert(
      fc.property(scopes, levels, (scopes, levels) => {
        const policy = parsePolicy(write({ scopes, levels }, BUCKET))
        const via = (service: string) => ({ 'kms:ViaService': service })
        const writes = levels.includes('write')
        const decrypts = writes || levels.includes('read') || levels.includes('purge')
        const s3 = via('s3.eu-west-1.amazonaws.com')
        expect(allows(policy, 'kms:GenerateDataKey', KEY, s3)).toBe(writes)
        expect(allows(policy, 'kms:Decrypt', KEY, s3)).toBe(decrypts)
        expect(allows(policy, 'kms:Decrypt', `${KEY}0`, s3)).toBe(false)
        expect(allows(policy, 'kms:Decrypt', KEY, via('s3.us-east-1.amazonaws.com'))).toBe(false)
        expect(allows(policy, 'kms:Decrypt', KEY)).toBe(false)
        expect(allows(policy, 'kms:Encrypt', KEY, s3)).toBe(false)
        expect(write({ scopes, levels }, PLAIN)).not.toContain('kms')
      }),
    )
  })

  it('holds only characters that IAM takes, and is the same text for the same order however it is sorted', () => {
    fc.assert(
      fc.property(scopes, levels, (scopes, levels) => {
        const text = write({ scopes, levels })
        expect(text).toMatch(/^[\x20-\x7e]*$/)
        expect(text.length).toBeLessThanOrEqual(SESSION_POLICY_CHARACTERS)
        expect(write({ scopes: scopes.toReversed(), levels: levels.toReversed() })).toBe(text)
      }),
    )
  })
})

describe('conditions of a grant', () => {
  const scopes = [{ bucket: NAME, key: '2026/' }]
  const object = 'arn:aws:s3:::finance-reports/2026/q3.csv'
  const list = ['s3:ListBucket', 'arn:aws:s3:::finance-reports', { 's3:prefix': '2026/' }] as const

  it('let in requests from the named addresses only', () => {
    const conditions = { sourceIps: ['203.0.113.0/24', '2001:db8::/32'] }
    const policy = parsePolicy(write({ scopes, levels: ['read', 'write'], conditions }, BUCKET))
    const from = (address: string) => [
      allows(policy, 's3:PutObject', object, { 'aws:SourceIp': address }),
      allows(policy, list[0], list[1], { ...list[2], 'aws:SourceIp': address }),
    ]
    expect(['203.0.113.7', '2001:db8::7', '203.0.114.7', '127.0.0.1'].map(from)).toEqual([
      [true, true],
      [true, true],
      [false, false],
      [false, false],
    ])
    expect(allows(policy, 's3:PutObject', object)).toBe(false)
  })

  it('let in requests through the named endpoints only', () => {
    const conditions = { vpcEndpoints: ['vpce-0a1b2c3d'] }
    const policy = parsePolicy(write({ scopes, levels: ['read', 'delete'], conditions }))
    const through = (endpoint: string) => allows(policy, 's3:DeleteObject', object, { 'aws:SourceVpce': endpoint })
    expect([through('vpce-0a1b2c3d'), through('vpce-0a1b2c3e')]).toEqual([true, false])
    expect(allows(policy, 's3:DeleteObject', object, { 'aws:SourceIp': '203.0.113.7' })).toBe(false)
  })

  it('let objects be read that carry the tag, and no others', () => {
    const conditions = { objectTag: { key: 'class', value: 'public' } }
    const policy = parsePolicy(write({ scopes, levels: ['read'], conditions }))
    const tagged = (value: string) => allows(policy, 's3:GetObject', object, { 's3:ExistingObjectTag/class': value })
    expect([tagged('public'), tagged('Public'), tagged('secret')]).toEqual([true, false, false])
    expect(allows(policy, 's3:GetObject', object)).toBe(false)
    expect(allows(policy, ...list)).toBe(true)
  })

  it('do not keep S3 from the key, which it asks from its own address', () => {
    const conditions = { sourceIps: ['203.0.113.0/24'] }
    const policy = parsePolicy(write({ scopes, levels: ['read'], conditions }, BUCKET))
    expect(allows(policy, 'kms:Decrypt', KEY, { 'kms:ViaService': 's3.eu-west-1.amazonaws.com' })).toBe(true)
  })
})

it('what must never be done is denied without taking anything from a level that can be asked for', () => {
  const never = parsePolicy(
    JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Action: '*', Resource: '*' },
        { Effect: 'Deny', Action: NEVER, Resource: '*' },
      ],
    }),
  )
  for (const level of objectLevels)
    for (const action of [...ACTIONS[level].object, ...ACTIONS[level].list])
      expect(allows(never, action, 'arn:aws:s3:::finance-reports/a'), action).toBe(true)
  const denied = [
    ...['s3:PutObjectAcl', 's3:PutObjectVersionAcl', 's3:PutBucketAcl', 's3:PutBucketPolicy', 's3:DeleteBucketPolicy'],
    ...['s3:DeleteBucket', 's3:PutLifecycleConfiguration', 's3:PutReplicationConfiguration', 's3:ReplicateObject'],
    ...[
      's3:PutObjectRetention',
      's3:PutObjectLegalHold',
      's3:BypassGovernanceRetention',
      's3:PutBucketPublicAccessBlock',
    ],
    ...['s3:ObjectOwnerOverrideToBucketOwner', 's3:CreateAccessPoint', 's3:PutAccessPointPolicy', 's3:CreateJob'],
    ...['s3:PutObjectVersionTagging', 's3:PutObjectAnnotation', 's3:UpdateObjectEncryption', 's3:CreateAccessGrant'],
  ]
  for (const action of denied) expect(allows(never, action, 'arn:aws:s3:::finance-reports'), action).toBe(false)
})

function attempt(act: () => unknown): unknown {
  try {
    return act()
  } catch (error) {
    return error
  }
}
