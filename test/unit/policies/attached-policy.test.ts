import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { evaluate } from '../../../sandbox/aws/evaluator.ts'
import { parsePolicy } from '../../../sandbox/aws/policy.ts'
import type { GrantOrder } from '../../../src/grants/driver.ts'
import type { AttachPrincipal } from '../../../src/grants/principal.ts'
import { attachDocument } from '../../../src/policies/attached-policy.ts'
import type { BucketFacts } from '../../../src/policies/grant-statements.ts'
import type { Conditions } from '../../../src/rules/conditions.ts'
import { ASKABLE_LEVELS, sortLevels } from '../../../src/rules/levels.ts'
import { DENIED_ON } from '../grants/a-grant.ts'

const BUCKET = {
  region: 'eu-west-1',
  kmsKey: 'arn:aws:kms:eu-west-1:111122223333:key/0123abcd-0123-4567-89ab-0123456789ab',
}
const ROLE = 'AROAEXAMPLEEXAMPLE123'

function order(changes: Partial<GrantOrder<AttachPrincipal>> = {}): GrantOrder<AttachPrincipal> {
  return {
    grantId: 'g-0123456789ab',
    requester: '0b6f2a34-7d0e-4f7c-9a55-1c1f0f9d2a10',
    principal: principal(`${ROLE}:alice@example.com`),
    scopes: [{ bucket: 'finance-reports', key: '2026/' }],
    levels: ['write'],
    startsAt: '2026-11-22T09:59:00Z',
    endsAt: '2026-11-22T10:45:00Z',
    ...changes,
  }
}

function principal(userid: string): AttachPrincipal {
  return {
    driver: 'attach',
    account: '111122223333',
    arn: 'arn:aws:iam::111122223333:role/app-team',
    userid,
    deniedOn: DENIED_ON,
  }
}

const document = z.strictObject({
  Version: z.literal('2012-10-17'),
  Statement: z
    .array(
      z.strictObject({
        Effect: z.literal('Allow'),
        Action: z.union([z.string(), z.array(z.string())]),
        Resource: z.union([z.string(), z.array(z.string())]),
        Condition: z.looseObject({
          StringEquals: z.looseObject({ 'aws:userid': z.literal(`${ROLE}:alice@example.com`) }),
          DateGreaterThanEquals: z.strictObject({ 'aws:CurrentTime': z.literal('2026-11-22T09:59:00Z') }),
          DateLessThan: z.strictObject({ 'aws:CurrentTime': z.literal('2026-11-22T10:45:00Z') }),
        }),
      }),
    )
    .min(1),
})

const levels = fc.uniqueArray(fc.constantFrom(...ASKABLE_LEVELS), { minLength: 1 })
const keys = fc.uniqueArray(fc.constantFrom('', '2026/', 'a/b/', 'one.csv', "it's/"), { minLength: 1 })
const conditions = fc.constantFrom<Conditions | undefined>(
  undefined,
  { sourceIps: ['198.51.100.0/24'] },
  { vpcEndpoints: ['vpce-0123'] },
  { objectTag: { key: 'aws:userid', value: 'x' } },
)

describe('the policy of a grant on a role or user', () => {
  it('only allows, only to that principal, and holds its start and its end in each statement', () => {
    fc.assert(
      fc.property(levels, keys, conditions, (some, scopes, asked) => {
        const changes = {
          levels: some,
          scopes: scopes.map((key) => ({ bucket: 'finance-reports', key })),
          ...(asked === undefined ? {} : { conditions: asked }),
        }
        document.parse(JSON.parse(attachDocument(order(changes), BUCKET)))
      }),
    )
  })

  it('is the same text for the same order, in whatever order that is written', () => {
    fc.assert(
      fc.property(levels, keys, (some, scopes) => {
        const of = (list: readonly string[]) => list.map((key) => ({ bucket: 'finance-reports', key }))
        const text = attachDocument(order({ levels: some, scopes: of(scopes) }), BUCKET)
        const turned = order({ levels: sortLevels(some).toReversed(), scopes: of(scopes.toReversed()) })
        expect(attachDocument(turned, BUCKET)).toBe(text)
      }),
    )
  })

  it.each(['', '*', ROLE, `${ROLE}:`, `${ROLE}:*`, `${ROLE}:a?b`, `${ROLE}:\${aws:username}`, 'AIDA*', 'alice'])(
    'is never written for %j',
    (userid) => {
      expect(() => attachDocument(order({ principal: principal(userid) }), BUCKET)).toThrow(TypeError)
    },
  )

  it('opens by the key what is encrypted for an object of its scopes, and the bucket only where it has bucket keys', () => {
    const scopes = [
      { bucket: 'finance-reports', key: '2026/' },
      { bucket: 'finance-reports', key: 'one*.csv' },
    ]
    const opens = (facts: BucketFacts, arn: string) => {
      const policy = parsePolicy(attachDocument(order({ scopes, levels: ['read'] }), facts))
      const context = {
        'aws:userid': `${ROLE}:alice@example.com`,
        'aws:CurrentTime': '2026-11-22T10:00:00Z',
        'kms:ViaService': 's3.eu-west-1.amazonaws.com',
        'kms:EncryptionContext:aws:s3:arn': arn,
      }
      return evaluate({
        identityPolicies: [policy],
        principal: { arn: principal('').arn, account: '111122223333', roleArn: undefined },
        request: { action: 'kms:Decrypt', resource: BUCKET.kmsKey, context },
      }).allowed
    }
    const arn = 'arn:aws:s3:::finance-reports'
    const asked = ['/2026/q3.csv', '/one*.csv', '/2025/q3.csv', '/one2.csv', '', '-2/2026/q3.csv']
    expect(asked.map((key) => opens(BUCKET, arn + key))).toEqual([true, true, false, false, false, false])
    const withBucketKey = { ...BUCKET, bucketKey: true }
    expect(asked.map((key) => opens(withBucketKey, arn + key))).toEqual([true, true, false, false, true, false])
  })

  it('is never written without its end', () => {
    expect(() => attachDocument(order({ endsAt: '' }), BUCKET)).toThrow(TypeError)
  })
})
