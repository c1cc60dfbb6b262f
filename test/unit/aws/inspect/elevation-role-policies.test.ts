import { describe, expect, it } from 'vitest'
import { boundaryFaults, boundaryGaps, trustFaults } from '../../../../src/aws/inspect/elevation-role-policies.ts'
import type { Level } from '../../../../src/rules/levels.ts'

const WEB = 'arn:aws:iam::111122223333:role/latchkey/latchkey-web'
const WORKERS = 'arn:aws:iam::111122223333:role/latchkey/latchkey-workers'
const US = 'arn:aws:iam::111122223333:role/latchkey-web'
const ENTER = ['sts:AssumeRole', 'sts:SetSourceIdentity', 'sts:TagSession']
const DEMANDED = { StringLike: { 'sts:SourceIdentity': '*' } }

function policy(...Statement: readonly object[]): string {
  return JSON.stringify({ Version: '2012-10-17', Statement })
}

function allow(Action: string | readonly string[], Resource: string, more: object = {}) {
  return { Effect: 'Allow', Action, Resource, ...more }
}

function enter(more: object = {}) {
  return { Effect: 'Allow', Principal: { AWS: [WEB, WORKERS] }, Action: ENTER, Condition: DEMANDED, ...more }
}

describe('a permissions boundary', () => {
  it('of object actions and listing on named buckets, keys used through S3, and any Deny, is as demanded', () => {
    const viaS3 = { Condition: { StringEquals: { 'kms:ViaService': 's3.eu-west-1.amazonaws.com' } } }
    const document = policy(
      allow(
        ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:PutObjectTagging'],
        'arn:aws:s3:::finance-reports/*',
      ),
      allow('s3:ListBucket', 'arn:aws:s3:::finance-reports'),
      allow(['kms:Decrypt', 'kms:GenerateDataKey'], 'arn:aws:kms:eu-west-1:111122223333:key/ab-12', viaS3),
      { Effect: 'Deny', NotAction: 's3:*', Resource: '*' },
    )
    expect(boundaryFaults(document)).toEqual([])
  })

  const objects = 'arn:aws:s3:::finance-reports/*'
  const tooWide: Record<string, object> = {
    'every action': allow('*', objects),
    'every action of S3': allow('s3:*', objects),
    'a pattern of actions': allow('s3:Put*', objects),
    'bucket policies': allow('s3:PutBucketPolicy', 'arn:aws:s3:::finance-reports'),
    'access lists of objects': allow('s3:PutObjectAcl', objects),
    IAM: allow('iam:PassRole', '*'),
    'entering other roles': allow('sts:AssumeRole', '*'),
    'every resource': allow('s3:GetObject', '*'),
    'every bucket': allow('s3:GetObject', 'arn:aws:s3:::*'),
    'buckets by pattern': allow('s3:GetObject', 'arn:aws:s3:::finance-*/x'),
    'keys without S3': allow('kms:Decrypt', 'arn:aws:kms:eu-west-1:111122223333:key/ab-12'),
    'keys of any service': allow('kms:Decrypt', 'arn:aws:kms:eu-west-1:111122223333:key/ab-12', {
      Condition: { StringLike: { 'kms:ViaService': '*' } },
    }),
    'every key': allow('kms:Decrypt', '*', {
      Condition: { StringEquals: { 'kms:ViaService': 's3.eu-west-1.amazonaws.com' } },
    }),
    'everything but something': { Effect: 'Allow', NotAction: 'iam:*', Resource: objects },
    'everywhere but somewhere': { Effect: 'Allow', Action: 's3:GetObject', NotResource: objects },
  }
  for (const [what, statement] of Object.entries(tooWide)) {
    it(`that allows ${what} is refused, beside whatever else it says`, () => {
      const faults = boundaryFaults(policy(allow('s3:GetObject', objects), statement))
      expect(faults.length).toBeGreaterThan(0)
    })
  }

  it('that is no IAM document is refused', () => {
    for (const text of [
      '',
      'null',
      '{}',
      '[]',
      '{"Version":"2012-10-17"',
      '{"Version":"2012-10-17","Statement":[null]}',
    ])
      expect(boundaryFaults(text), text).toHaveLength(1)
  })
})

describe('what a permissions boundary leaves out of an ask', () => {
  const document = policy(
    allow(
      ['s3:getobject', 's3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'],
      'arn:aws:s3:::finance-reports/2026/*',
    ),
    allow('s3:ListBucket', 'arn:aws:s3:::finance-reports'),
  )
  const gaps = (level: Level, key: string, bucket = 'finance-reports') =>
    boundaryGaps(document, { levels: [level], scopes: [{ bucket, key }] })

  it('is nothing where all of it, or a part of its scope, is let through', () => {
    for (const key of ['', '2026/', '2026/q3/', '2026/a.csv'])
      expect([gaps('read', key), gaps('write', key)], key).toEqual([[], []])
  })

  it('is told: a level, a folder, an object, a bucket', () => {
    expect(gaps('delete', '2026/')).toEqual([
      'The permissions boundary does not allow s3:DeleteObject on arn:aws:s3:::finance-reports/2026/.',
    ])
    for (const key of ['2025/', '2025/a.csv', '2026']) expect(gaps('read', key), key).toHaveLength(1)
    expect(gaps('read', '2026/', 'finance')).toHaveLength(2)
  })
})

describe('a trust policy', () => {
  it('that lets in web and workers with a source identity is as demanded', () => {
    expect(trustFaults(policy(enter()), US)).toEqual([])
    expect(trustFaults(policy(enter({ Condition: { Null: { 'sts:SourceIdentity': false } } })), US)).toEqual([])
    expect(trustFaults(policy(enter({ Action: 'sts:AssumeRole' }), enter({ Action: ENTER.slice(1) })), US)).toEqual([])
  })

  const open: Record<string, object> = {
    everybody: enter({ Principal: '*' }),
    'every AWS identity': enter({ Principal: { AWS: '*' } }),
    'the whole account': enter({ Principal: { AWS: [WEB, 'arn:aws:iam::111122223333:root'] } }),
    'the account by its number': enter({ Principal: { AWS: [WEB, '111122223333'] } }),
    'a role of another account': enter({ Principal: { AWS: [WEB, 'arn:aws:iam::999900001111:role/latchkey-web'] } }),
    'a service': enter({ Principal: { AWS: WEB, Service: 'ec2.amazonaws.com' } }),
    'a third identity': enter({ Principal: { AWS: [WEB, WORKERS, 'arn:aws:iam::111122223333:user/bo'] } }),
    'a deleted identity': enter({ Principal: { AWS: [WEB, 'AROAEXAMPLE2345678901'] } }),
    'everybody but one': { Effect: 'Allow', NotPrincipal: { AWS: WEB }, Action: ENTER, Condition: DEMANDED },
    'others, and not us': enter({ Principal: { AWS: WORKERS } }),
    'a user of our name': enter({ Principal: { AWS: 'arn:aws:iam::111122223333:user/latchkey-web' } }),
    'us without a source identity': enter({ Condition: {} }),
    'us with a source identity if there is one': enter({
      Condition: { StringLikeIfExists: { 'sts:SourceIdentity': '*' } },
    }),
    'us only without a source identity': enter({ Condition: { Null: { 'sts:SourceIdentity': 'true' } } }),
    'us with a source identity or without': enter({ Condition: { Null: { 'sts:SourceIdentity': ['false', 'true'] } } }),
    'us on no word about a source identity': enter({ Condition: { Null: { 'sts:SourceIdentity': [] } } }),
    'us without letting us name the source': enter({ Action: 'sts:AssumeRole' }),
    'web identities': enter({ Action: [...ENTER, 'sts:AssumeRoleWithWebIdentity'] }),
  }
  for (const [whom, statement] of Object.entries(open)) {
    it(`that lets in ${whom} is refused`, () => {
      expect(trustFaults(policy(statement), US).length).toBeGreaterThan(0)
    })
  }
})
