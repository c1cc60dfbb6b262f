import { describe, expect, it } from 'vitest'
import { findBypasses } from '../../../../src/aws/inspect/bucket-policy-bypass.ts'
import { type Asked, bucketWarnings } from '../../../../src/aws/inspect/bucket-policy-warnings.ts'
import { DENIED_ON } from '../../grants/a-grant.ts'

const ROLE = 'arn:aws:iam::111122223333:role/latchkey/prod'
const session = { driver: 'session', account: '111122223333', roleArn: ROLE, roleId: 'AROAEXAMPLE' } as const
const principal = {
  driver: 'attach',
  account: '111122223333',
  arn: 'arn:aws:iam::111122223333:role/analysts',
  userid: 'AROAHOLDER:rita@example.com',
  deniedOn: DENIED_ON,
} as const
const asked: Asked = {
  principal: session,
  actions: ['s3:PutObject', 's3:ListBucket'],
  resources: ['arn:aws:s3:::finance-reports/2026/x', 'arn:aws:s3:::finance-reports'],
}
const ANNA = 'arn:aws:iam::111122223333:user/anna'
const ALL = 'arn:aws:s3:::finance-reports/*'

function policy(...Statement: readonly object[]): string {
  return JSON.stringify({ Version: '2012-10-17', Statement })
}

function allow(Principal: unknown, more: object = {}) {
  return { Effect: 'Allow', Principal, Action: 's3:PutObject', Resource: ALL, ...more }
}

function everybody(Condition: object, Action: string | readonly string[] = 's3:PutObject') {
  return allow('*', { Condition, Action })
}

function deny(Condition: object, more: object = {}) {
  return { Effect: 'Deny', Principal: '*', Action: 's3:*', Resource: ALL, Condition, ...more }
}

describe('a bucket policy that lets sessions of an elevation role in beside their session policy', () => {
  const given: Record<string, object> = {
    'by the name of one': allow({ AWS: 'arn:aws:sts::111122223333:assumed-role/prod/g-000000000001' }),
    'among others': allow({ AWS: [ROLE, 'arn:aws:sts::111122223333:assumed-role/prod/g-000000000001'] }),
    'by the id of the role': allow('*', { Condition: { StringLike: { 'aws:userid': 'AROAEXAMPLE:*' } } }),
    'by a pattern of sessions': allow('*', {
      Condition: { ArnLike: { 'aws:PrincipalArn': 'arn:aws:sts::*:assumed-role/prod/*' } },
    }),
    'by its ARN, told of everybody': allow({ AWS: '*' }, { Condition: { ArnEquals: { 'aws:PrincipalArn': ROLE } } }),
    'by a pattern of roles': everybody({
      ArnLike: { 'aws:PrincipalArn': 'arn:aws:iam::111122223333:role/latchkey/*' },
    }),
    'by a pattern of ids': everybody({ StringLike: { 'aws:userid': ['AIDAX', 'AROA*:g-0*'] } }),
    'by the id of one session': everybody({ StringEquals: { 'aws:userid': 'AROAEXAMPLE:g-000000000001' } }),
    'by a variable': everybody({ StringLike: { 'aws:userid': `\${aws:PrincipalTag/role}:*` } }),
    'with everybody': everybody({}),
    'with everybody, in the other spelling': allow({ AWS: ['*'] }),
    'with the organisation': everybody({ StringEquals: { 'aws:PrincipalOrgID': 'o-1' } }),
    'with the account': everybody({ StringEquals: { 'aws:PrincipalAccount': '111122223333' } }),
    'with accounts by pattern': everybody({ StringLike: { 'aws:SourceAccount': ['999900001111', '1111*'] } }),
    'by a tag': everybody({ StringEquals: { 'aws:PrincipalTag/team': 'finance' } }),
    'through an endpoint': everybody({ StringEquals: { 'aws:SourceVpce': 'vpce-0a1b2c3d' } }),
    'with all but others': everybody({ ArnNotLike: { 'aws:PrincipalArn': 'arn:aws:iam::111122223333:role/admin' } }),
    'with others, if somebody is anybody': everybody({ StringEqualsIfExists: { 'aws:PrincipalArn': ANNA } }),
    'with all that others are': everybody({ 'ForAllValues:StringEquals': { 'aws:PrincipalArn': ANNA } }),
    'by not naming it': { ...allow('*'), Principal: undefined, NotPrincipal: { AWS: ANNA } },
    'though the role is spared by ARN': { ...allow('*'), Principal: undefined, NotPrincipal: { AWS: ROLE } },
    'to read, but not with everybody': everybody({ StringEquals: { 'aws:PrincipalOrgID': 'o-1' } }, 's3:GetObject'),
    'to read more than the level read': everybody({}, ['s3:GetObject', 's3:GetObjectVersion']),
    'to do all but something': { ...everybody({}), Action: undefined, NotAction: 's3:PutObject' },
  }
  it.each(Object.entries(given))('is found: %s', (_, statement) => {
    expect(findBypasses(policy(statement), session)).toHaveLength(1)
    expect(findBypasses(policy(deny({}), statement), session)).toHaveLength(1)
  })

  it('is not one that names the role itself, whose sessions keep to their session policy, nor sessions of others', () => {
    const document = policy(
      allow({ AWS: ROLE }),
      allow({ AWS: 'arn:aws:sts::111122223333:assumed-role/prod-reports/x' }),
      allow({ AWS: 'arn:aws:iam::111122223333:root' }),
      allow({ AWS: '111122223333' }),
      allow({ Service: 'logging.s3.amazonaws.com' }),
      everybody({ ArnEquals: { 'aws:PrincipalArn': ANNA }, StringLike: { 's3:prefix': '*' } }),
      everybody({ StringLike: { 'aws:userid': ['AIDAX', 'AROAOTHER:*', 'AROAEXAMPLE:r-*'] } }),
      everybody({ StringEquals: { 'AWS:PrincipalAccount': '999900001111' } }),
      everybody({ StringEquals: { 'aws:SourceAccount': '999900001111' } }),
      { ...deny({}), Principal: { AWS: 'arn:aws:sts::111122223333:assumed-role/prod/g-000000000001' } },
    )
    expect(findBypasses(document, session)).toEqual([])
  })

  it('is not one that everybody may read by: that is told to the requester', () => {
    const open = policy(everybody({}, ['s3:GetObject', 's3:listbucket']))
    expect(findBypasses(open, session)).toEqual([])
    expect(bucketWarnings(open, 'finance-reports', asked)).toEqual([expect.stringContaining('lets everybody read')])
  })

  it('is not told from one that cannot be read', () => {
    expect(findBypasses('{}', session)).toHaveLength(1)
    expect(findBypasses('no JSON', session)).toHaveLength(1)
  })
})

describe('a Deny of the bucket policy', () => {
  const warned: Record<string, readonly [object, string]> = {
    'of other VPC endpoints': [deny({ StringNotEquals: { 'aws:SourceVpce': 'vpce-0a1b2c3d' } }), 'VPC endpoint'],
    'of other addresses': [deny({ NotIpAddress: { 'aws:SourceIp': '203.0.113.0/24' } }), 'certain addresses'],
    'of other encryption': [deny({ StringNotEquals: { 's3:x-amz-server-side-encryption': 'aws:kms' } }), '--sse'],
    'on a condition that nobody explained': [
      deny({ StringNotEquals: { 'aws:PrincipalOrgID': 'o-1' } }),
      'aws:principalorgid',
    ],
    'of everybody': [deny({}), 'to everybody'],
    'of the account': [deny({}, { Principal: { AWS: '111122223333' } }), 'to everybody'],
    'of all but others': [
      deny({}, { Principal: undefined, NotPrincipal: { AWS: 'arn:aws:iam::111122223333:user/root' } }),
      'to everybody',
    ],
    'of all but other roles': [
      deny({ ArnNotLike: { 'aws:PrincipalArn': 'arn:aws:iam::111122223333:role/admin' } }),
      'to everybody',
    ],
    'by what it spares': [deny({}, { Action: undefined, NotAction: 's3:GetObject' }), 'to everybody'],
  }
  it.each(Object.entries(warned))('is told to the requester: %s', (_, [statement, words]) => {
    const warnings = bucketWarnings(policy(statement), 'finance-reports', asked)
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain(words)
  })

  const silent: Record<string, object> = {
    'of plain HTTP': deny({ Bool: { 'aws:SecureTransport': 'false' } }),
    'of what was not asked': deny({}, { Action: ['s3:PutBucketPolicy', 's3:DeleteObject'] }),
    'of another prefix': deny({}, { Resource: 'arn:aws:s3:::finance-reports/2025/*' }),
    'of others': deny({}, { Principal: { AWS: 'arn:aws:iam::111122223333:user/anna' } }),
    'of all but our role': deny({ ArnNotLike: { 'aws:PrincipalArn': 'arn:aws:iam::111122223333:role/latchkey/*' } }),
    'of all but our role’s sessions': deny({ StringNotLike: { 'aws:userid': ['AROAEXAMPLE:*', 'AIDAX'] } }),
  }
  it.each(Object.entries(silent))('is not: %s', (_, statement) => {
    expect(bucketWarnings(policy(statement), 'finance-reports', asked)).toEqual([])
  })
})

describe('a bucket policy that names whoever holds an attach grant', () => {
  const named: Record<string, object> = {
    'by role': allow({ AWS: principal.arn }),
    'by session': allow({ AWS: 'arn:aws:sts::111122223333:assumed-role/analysts/rita@example.com' }),
    'by id': allow('*', { Condition: { StringLike: { 'aws:userid': 'AROAHOLDER:*' } } }),
  }
  it.each(Object.entries(named))('is told to the requester: it outlasts the grant (%s)', (_, statement) => {
    const [warning] = bucketWarnings(policy(statement), 'finance-reports', { ...asked, principal: principal })
    expect(warning).toContain('stays when this grant ends')
  })

  it('is not, of others', () => {
    const others = policy(allow({ AWS: `${principal.arn}-2` }), allow({ AWS: 'arn:aws:iam::111122223333:root' }))
    expect(bucketWarnings(others, 'finance-reports', { ...asked, principal: principal })).toEqual([])
  })
})
