import { describe, expect, test } from 'vitest'
import { type Context, evaluate, type PrincipalFacts, type Question } from '../aws/evaluator.ts'
import { PolicyFault, parsePolicy } from '../aws/policy.ts'

/** Cases from the IAM User Guide; each group names its page. No case was tried on a real account. */

const USER: PrincipalFacts = {
  arn: 'arn:aws:iam::111122223333:user/alice',
  account: '111122223333',
  roleArn: undefined,
}
const SESSION: PrincipalFacts = {
  arn: 'arn:aws:sts::111122223333:assumed-role/prod/g-1',
  account: '111122223333',
  roleArn: 'arn:aws:iam::111122223333:role/latchkey/prod',
}
const OBJECT = 'arn:aws:s3:::b/2026/a.csv'

interface Case {
  readonly title: string
  readonly allowed: boolean
  readonly identity?: readonly object[]
  readonly version?: string
  readonly boundary?: readonly object[]
  readonly session?: readonly object[]
  readonly resourcePolicy?: readonly object[]
  readonly required?: boolean
  readonly otherAccount?: boolean
  readonly principal?: PrincipalFacts
  readonly action?: string
  readonly resource?: string
  readonly context?: Context
  readonly reason?: RegExp
}

function decide(one: Case) {
  const { version = '2012-10-17' } = one
  const read = (statements: readonly object[]) =>
    parsePolicy(JSON.stringify({ Version: version, Statement: statements }))
  const question: Question = {
    identityPolicies: one.identity === undefined || one.identity.length === 0 ? [] : [read(one.identity)],
    boundary: one.boundary && [read(one.boundary)],
    sessionPolicies: one.session && [read(one.session)],
    resourcePolicy: one.resourcePolicy && read(one.resourcePolicy),
    resourcePolicyRequired: one.required ?? false,
    sameAccount: !one.otherAccount,
    principal: one.principal ?? USER,
    request: { action: one.action ?? 's3:PutObject', resource: one.resource ?? OBJECT, context: one.context ?? {} },
  }
  return evaluate(question)
}

function table(page: string, cases: readonly Case[]): void {
  describe(page, () => {
    for (const one of cases) {
      test(one.title, () => {
        const verdict = decide(one)
        expect(verdict.allowed, verdict.reason).toBe(one.allowed)
        if (one.reason !== undefined) expect(verdict.reason).toMatch(one.reason)
      })
    }
  })
}

/** `${name}`: a policy variable or a literal character. */
const v = (name: string) => ['$', '{', name, '}'].join('')

const ALL = { Effect: 'Allow', Action: '*', Resource: '*' }
const PUT = { Effect: 'Allow', Action: 's3:PutObject', Resource: '*' }
const GET = { Effect: 'Allow', Action: 's3:GetObject', Resource: '*' }
const DENY_PUT = { Effect: 'Deny', Action: 's3:PutObject', Resource: '*' }
const when = (Condition: object) => [{ ...PUT, Condition }]
const on = (Resource: string | string[]) => [{ Effect: 'Allow', Action: 's3:PutObject', Resource }]
const to = (AWS: string | string[], more: object = {}) => [
  { Effect: 'Allow', Action: 's3:PutObject', Resource: '*', Principal: { AWS }, ...more },
]

table('Policy evaluation logic', [
  { title: 'nothing said is an implicit deny', allowed: false, reason: /no identity-based policy allows/ },
  { title: 'an identity policy allows', allowed: true, identity: [PUT] },
  { title: 'an explicit deny wins over an allow', allowed: false, identity: [ALL, DENY_PUT], reason: /explicit deny/ },
  { title: 'a boundary that allows it too leaves it allowed', allowed: true, identity: [ALL], boundary: [PUT] },
  {
    title: 'a boundary that does not allow it caps an identity policy that does',
    allowed: false,
    identity: [ALL],
    boundary: [GET],
    reason: /no permissions boundary allows/,
  },
  { title: 'a boundary alone grants nothing', allowed: false, boundary: [ALL] },
  { title: 'a deny in a boundary wins', allowed: false, identity: [ALL], boundary: [ALL, DENY_PUT] },
  {
    title: 'a session policy narrows the role',
    allowed: false,
    principal: SESSION,
    identity: [ALL],
    session: [GET],
    reason: /no session policy allows/,
  },
  { title: 'a session policy alone grants nothing', allowed: false, principal: SESSION, session: [ALL] },
  {
    title: 'role, boundary and session policy that all allow leave it allowed',
    allowed: true,
    principal: SESSION,
    identity: [ALL],
    boundary: [PUT],
    session: [PUT],
  },
  {
    title: 'a deny in a session policy wins',
    allowed: false,
    principal: SESSION,
    identity: [ALL],
    session: [ALL, DENY_PUT],
  },
  { title: 'a resource policy in the same account allows alone', allowed: true, resourcePolicy: to(USER.arn) },
  {
    title: 'a resource policy that denies wins',
    allowed: false,
    identity: [ALL],
    resourcePolicy: [{ ...DENY_PUT, Principal: '*' }],
  },
  {
    title: 'a resource policy that names the session is not limited by the session policy',
    allowed: true,
    principal: SESSION,
    identity: [],
    session: [GET],
    boundary: [GET],
    resourcePolicy: to(SESSION.arn),
  },
  {
    title: 'a resource policy that names the role is limited by the session policy',
    allowed: false,
    principal: SESSION,
    identity: [],
    session: [GET],
    resourcePolicy: to(SESSION.roleArn ?? ''),
  },
  {
    title: 'a resource policy that names the role needs no identity policy',
    allowed: true,
    principal: SESSION,
    identity: [],
    resourcePolicy: to(SESSION.roleArn ?? ''),
  },
  {
    title: 'naming the session does not outweigh an explicit deny in the role',
    allowed: false,
    principal: SESSION,
    identity: [DENY_PUT],
    resourcePolicy: to(SESSION.arn),
  },
  {
    title: 'a resource policy that names the account leaves it to the account',
    allowed: false,
    resourcePolicy: to('arn:aws:iam::111122223333:root'),
  },
  {
    title: 'across accounts the resource policy alone is not enough',
    allowed: false,
    otherAccount: true,
    resourcePolicy: to(USER.arn),
  },
  {
    title: 'across accounts the identity policy alone is not enough',
    allowed: false,
    otherAccount: true,
    identity: [ALL],
  },
  {
    title: 'across accounts both together are',
    allowed: true,
    otherAccount: true,
    identity: [ALL],
    resourcePolicy: to(USER.arn),
  },
  {
    title: 'a trust policy that is silent refuses who may do everything',
    allowed: false,
    required: true,
    identity: [ALL],
  },
  {
    title: 'a deny with NotPrincipal spares only who is named',
    allowed: false,
    identity: [ALL],
    resourcePolicy: [{ ...DENY_PUT, NotPrincipal: { AWS: 'arn:aws:iam::111122223333:user/bo' } }],
  },
])

table('Action and Resource', [
  { title: 'actions match in any case', allowed: true, identity: [{ ...PUT, Action: 'S3:putobject' }] },
  { title: 'a wildcard in an action', allowed: true, identity: [{ ...PUT, Action: 's3:Put*' }] },
  { title: 'a wildcard in an action stays in its service', allowed: false, identity: [{ ...PUT, Action: 'ec2:*' }] },
  { title: 'a question mark is one character', allowed: false, identity: [{ ...PUT, Action: 's3:PutObjec??' }] },
  {
    title: 'NotAction allows everything else',
    allowed: true,
    identity: [{ Effect: 'Allow', NotAction: 'iam:*', Resource: '*' }],
  },
  {
    title: 'NotAction allows nothing that it names',
    allowed: false,
    identity: [{ Effect: 'Allow', NotAction: 's3:*', Resource: '*' }],
  },
  {
    title: 'NotResource in a deny spares what it names',
    allowed: true,
    identity: [ALL, { Effect: 'Deny', Action: '*', NotResource: 'arn:aws:s3:::b/*' }],
  },
  { title: 'a prefix reaches what is under it, through slashes', allowed: true, identity: on('arn:aws:s3:::b/*') },
  { title: 'a prefix does not reach its neighbour', allowed: false, identity: on('arn:aws:s3:::b/2025/*') },
  { title: 'resources match byte by byte, case included', allowed: false, identity: on('arn:aws:s3:::b/2026/A.csv') },
  { title: 'a bucket is not its objects', allowed: false, identity: on('arn:aws:s3:::b') },
  { title: 'a wildcard does not cross a part of the ARN', allowed: false, identity: on('arn:aws:s3*b/2026/a.csv') },
  {
    title: 'a key with colons is one part',
    allowed: true,
    identity: on('arn:aws:s3:::b/10:30/*'),
    resource: 'arn:aws:s3:::b/10:30/a',
  },
  {
    title: 'an escaped asterisk matches an asterisk',
    allowed: true,
    identity: on(`arn:aws:s3:::b/${v('*')}/*`),
    resource: 'arn:aws:s3:::b/*/x',
  },
  {
    title: 'an escaped asterisk matches nothing else',
    allowed: false,
    identity: on(`arn:aws:s3:::b/${v('*')}/*`),
    resource: 'arn:aws:s3:::b/y/x',
  },
  {
    title: 'an escaped question mark and dollar',
    allowed: true,
    identity: on(`arn:aws:s3:::b/${v('?')}${v('$')}`),
    resource: 'arn:aws:s3:::b/?$',
  },
])

table('Variables and tags', [
  {
    title: 'a policy variable is the value of the request',
    allowed: true,
    identity: on(`arn:aws:s3:::b/${v('aws:username')}/*`),
    resource: 'arn:aws:s3:::b/alice/x',
    context: { 'aws:username': 'alice' },
  },
  {
    title: 'a variable without a value matches nothing',
    allowed: false,
    identity: on(`arn:aws:s3:::b/${v('aws:username')}/*`),
    resource: 'arn:aws:s3:::b/alice/x',
  },
  {
    title: 'a default stands in for a missing value',
    allowed: true,
    identity: on(`arn:aws:s3:::b/${v("aws:PrincipalTag/team, 'shared'")}/*`),
    resource: 'arn:aws:s3:::b/shared/x',
  },
  {
    title: "a wildcard in a variable's value is literal",
    allowed: false,
    identity: on(`arn:aws:s3:::b/${v('aws:PrincipalTag/team')}/x`),
    resource: 'arn:aws:s3:::b/other/x',
    context: { 'aws:PrincipalTag/team': '*' },
  },
  {
    title: 'version 2008-10-17 knows no variables',
    allowed: false,
    version: '2008-10-17',
    identity: on(`arn:aws:s3:::b/${v('aws:username')}/*`),
    resource: 'arn:aws:s3:::b/alice/x',
    context: { 'aws:username': 'alice' },
  },
])

const END = '2026-11-21T11:00:00Z'
const at = (time: string): Context => ({ 'aws:CurrentTime': time })

table('Date condition operators', [
  {
    title: 'inside the window',
    allowed: true,
    identity: when({
      DateGreaterThanEquals: { 'aws:CurrentTime': '2026-11-21T10:00:00Z' },
      DateLessThan: { 'aws:CurrentTime': END },
    }),
    context: at('2026-11-21T10:30:00Z'),
  },
  {
    title: 'the last second',
    allowed: true,
    identity: when({ DateLessThan: { 'aws:CurrentTime': END } }),
    context: at('2026-11-21T10:59:59Z'),
  },
  {
    title: 'the end instant itself is over',
    allowed: false,
    identity: when({ DateLessThan: { 'aws:CurrentTime': END } }),
    context: at(END),
  },
  {
    title: 'after the end',
    allowed: false,
    identity: when({ DateLessThan: { 'aws:CurrentTime': END } }),
    context: at('2026-11-22T00:00:00Z'),
  },
  {
    title: 'DateLessThanEquals takes the instant in',
    allowed: true,
    identity: when({ DateLessThanEquals: { 'aws:CurrentTime': END } }),
    context: at(END),
  },
  {
    title: 'before the start',
    allowed: false,
    identity: when({ DateGreaterThan: { 'aws:CurrentTime': END } }),
    context: at('2026-11-21T10:00:00Z'),
  },
  {
    title: 'seconds since the epoch are a date',
    allowed: true,
    identity: when({ DateLessThan: { 'aws:CurrentTime': '1800000000' } }),
    context: at('2026-11-21T10:00:00Z'),
  },
  {
    title: 'what is no date allows nothing',
    allowed: false,
    identity: when({ DateLessThan: { 'aws:CurrentTime': 'tomorrow' } }),
    context: at('2026-11-21T10:00:00Z'),
  },
  {
    title: 'sessions issued before a moment are denied',
    allowed: false,
    principal: SESSION,
    identity: [ALL, { ...DENY_PUT, Condition: { DateLessThan: { 'aws:TokenIssueTime': END } } }],
    context: { 'aws:TokenIssueTime': '2026-11-21T10:59:59Z' },
  },
  {
    title: 'sessions issued at that moment are not',
    allowed: true,
    principal: SESSION,
    identity: [ALL, { ...DENY_PUT, Condition: { DateLessThan: { 'aws:TokenIssueTime': END } } }],
    context: { 'aws:TokenIssueTime': END },
  },
  {
    title: 'a user without a session has no aws:TokenIssueTime to deny',
    allowed: true,
    identity: [ALL, { ...DENY_PUT, Condition: { DateLessThan: { 'aws:TokenIssueTime': END } } }],
  },
])

table('String, Arn, Bool, Null, Numeric and IpAddress', [
  {
    title: 'StringEquals is exact',
    allowed: false,
    identity: when({ StringEquals: { 'aws:userid': 'AROA1:g-*' } }),
    context: { 'aws:userid': 'AROA1:g-1' },
  },
  {
    title: 'StringEquals takes any of its values',
    allowed: true,
    identity: when({ StringEquals: { 'aws:userid': ['x', 'AROA1:g-1'] } }),
    context: { 'aws:userid': 'AROA1:g-1' },
  },
  {
    title: 'keys match in any case',
    allowed: true,
    identity: when({ StringEquals: { 'AWS:UserID': 'a' } }),
    context: { 'aws:userid': 'a' },
  },
  {
    title: 'StringEqualsIgnoreCase',
    allowed: true,
    identity: when({ StringEqualsIgnoreCase: { 'aws:username': 'ALICE' } }),
    context: { 'aws:username': 'alice' },
  },
  {
    title: 'StringLike knows wildcards',
    allowed: true,
    identity: when({ StringLike: { 's3:prefix': '2026/*' } }),
    context: { 's3:prefix': '2026/a' },
  },
  {
    title: 'StringLike matches the empty rest',
    allowed: true,
    identity: when({ StringLike: { 's3:prefix': '2026/*' } }),
    context: { 's3:prefix': '2026/' },
  },
  {
    title: 'StringLike does not match less than its literal part',
    allowed: false,
    identity: when({ StringLike: { 's3:prefix': '2026/*' } }),
    context: { 's3:prefix': '2026' },
  },
  {
    title: 'StringLike asterisk is a literal',
    allowed: false,
    identity: when({ StringLike: { 's3:prefix': `a${v('*')}` } }),
    context: { 's3:prefix': 'ab' },
  },
  {
    title: 'a missing key makes a condition false',
    allowed: false,
    identity: when({ StringLike: { 's3:prefix': '*' } }),
  },
  {
    title: 'a missing key makes a negated condition true',
    allowed: true,
    identity: when({ StringNotEquals: { 'aws:username': 'bo' } }),
  },
  {
    title: 'a missing key is no matter to IfExists',
    allowed: true,
    identity: when({ StringEqualsIfExists: { 'aws:username': 'bo' } }),
  },
  {
    title: 'IfExists holds a present key to its value',
    allowed: false,
    identity: when({ StringEqualsIfExists: { 'aws:username': 'bo' } }),
    context: { 'aws:username': 'alice' },
  },
  {
    title: 'StringNotLike refuses what matches any value',
    allowed: false,
    identity: when({ StringNotLike: { 'aws:username': ['x*', 'al*'] } }),
    context: { 'aws:username': 'alice' },
  },
  {
    title: 'every operator must hold',
    allowed: false,
    identity: when({ StringEquals: { 'aws:username': 'alice' }, Bool: { 'aws:SecureTransport': 'true' } }),
    context: { 'aws:username': 'alice', 'aws:SecureTransport': 'false' },
  },
  {
    title: 'ArnLike matches part by part',
    allowed: true,
    identity: when({ ArnLike: { 'aws:PrincipalArn': 'arn:aws:iam::*:role/latchkey/*' } }),
    context: { 'aws:PrincipalArn': 'arn:aws:iam::111122223333:role/latchkey/prod' },
  },
  {
    title: 'ArnEquals knows wildcards like ArnLike',
    allowed: true,
    identity: when({ ArnEquals: { 'aws:PrincipalArn': 'arn:aws:iam::111122223333:role/*' } }),
    context: { 'aws:PrincipalArn': 'arn:aws:iam::111122223333:role/latchkey/prod' },
  },
  {
    title: 'ArnNotLike',
    allowed: false,
    identity: when({ ArnNotLike: { 'aws:PrincipalArn': 'arn:aws:iam::*:role/latchkey/*' } }),
    context: { 'aws:PrincipalArn': 'arn:aws:iam::111122223333:role/latchkey/prod' },
  },
  {
    title: 'a boolean may be written as JSON',
    allowed: true,
    identity: when({ Bool: { 'aws:SecureTransport': true } }),
    context: { 'aws:SecureTransport': 'true' },
  },
  {
    title: 'Null true: the key must be missing',
    allowed: true,
    identity: when({ Null: { 'aws:TokenIssueTime': 'true' } }),
  },
  {
    title: 'Null false: the key must be there',
    allowed: false,
    identity: when({ Null: { 'sts:SourceIdentity': 'false' } }),
  },
  {
    title: 'numbers compare as numbers',
    allowed: true,
    identity: when({ NumericLessThanEquals: { 's3:max-keys': '10' } }),
    context: { 's3:max-keys': '9' },
  },
  {
    title: 'an address in a range',
    allowed: true,
    identity: when({ IpAddress: { 'aws:SourceIp': '203.0.113.0/24' } }),
    context: { 'aws:SourceIp': '203.0.113.9' },
  },
  {
    title: 'an address outside it',
    allowed: false,
    identity: when({ IpAddress: { 'aws:SourceIp': ['203.0.113.0/24', '2001:db8::/32'] } }),
    context: { 'aws:SourceIp': '198.51.100.1' },
  },
  {
    title: 'NotIpAddress',
    allowed: false,
    identity: when({ NotIpAddress: { 'aws:SourceIp': '203.0.113.0/24' } }),
    context: { 'aws:SourceIp': '203.0.113.9' },
  },
])

const keys = (...names: string[]): Context => ({ 'aws:TagKeys': names })

table('Set operators for multivalued keys', [
  {
    title: 'ForAllValues: all are listed',
    allowed: true,
    identity: when({ 'ForAllValues:StringEquals': { 'aws:TagKeys': ['a', 'b'] } }),
    context: keys('a', 'b'),
  },
  {
    title: 'ForAllValues: one is not',
    allowed: false,
    identity: when({ 'ForAllValues:StringEquals': { 'aws:TagKeys': ['a', 'b'] } }),
    context: keys('a', 'c'),
  },
  {
    title: 'ForAllValues is true of no value at all',
    allowed: true,
    identity: when({ 'ForAllValues:StringEquals': { 'aws:TagKeys': 'a' } }),
  },
  {
    title: 'ForAnyValue: one is listed',
    allowed: true,
    identity: when({ 'ForAnyValue:StringEquals': { 'aws:TagKeys': 'a' } }),
    context: keys('c', 'a'),
  },
  {
    title: 'ForAnyValue is false of no value at all',
    allowed: false,
    identity: when({ 'ForAnyValue:StringEquals': { 'aws:TagKeys': 'a' } }),
  },
])

const ABROAD = { otherAccount: true, principal: SESSION }

table('Cross-account policy evaluation logic', [
  {
    title: "a resource policy that names the caller's account leaves it to the caller's own policies",
    allowed: true,
    ...ABROAD,
    identity: [PUT],
    resourcePolicy: to(SESSION.account),
  },
  {
    title: "a session policy limits, even where the other account's policy names the session",
    allowed: false,
    ...ABROAD,
    identity: [ALL],
    session: [GET],
    resourcePolicy: to(SESSION.arn),
    reason: /no session policy allows/,
  },
  {
    title: "a boundary limits, even where the other account's policy names the role",
    allowed: false,
    ...ABROAD,
    identity: [ALL],
    boundary: [GET],
    resourcePolicy: to(SESSION.roleArn ?? ''),
    reason: /no permissions boundary allows/,
  },
  {
    title: 'a policy for everyone needs the right of the caller too',
    allowed: false,
    ...ABROAD,
    identity: [GET],
    resourcePolicy: to('*'),
    reason: /no identity-based policy allows/,
  },
  {
    title: 'a policy that names a third account opens nothing',
    allowed: false,
    ...ABROAD,
    identity: [ALL],
    resourcePolicy: to('arn:aws:iam::999999999999:root'),
    reason: /no resource-based policy allows/,
  },
  {
    title: 'an ExternalId that is demanded and not given refuses',
    allowed: false,
    ...ABROAD,
    required: true,
    identity: [ALL],
    resourcePolicy: to(SESSION.account, { Condition: { StringEquals: { 'sts:ExternalId': 'x' } } }),
  },
])

const KEY = 'arn:aws:kms:eu-west-1:111122223333:key/1'
const USE = { action: 'kms:Decrypt', resource: KEY, required: true, principal: SESSION }
const useKey = (more: object) => ({ Effect: 'Allow', Action: 'kms:Decrypt', Resource: KEY, ...more })
const ROOT = 'arn:aws:iam::111122223333:root'
const keyPolicy = (AWS: string, more: object = {}) => [
  { Effect: 'Allow', Principal: { AWS }, Action: 'kms:*', Resource: '*', ...more },
]
const VIA_S3 = { 'kms:ViaService': 's3.eu-west-1.amazonaws.com' }

table('Key policies in AWS KMS', [
  {
    title: 'IAM policies count where the key policy leaves it to the account',
    allowed: true,
    ...USE,
    identity: [useKey({})],
    resourcePolicy: keyPolicy(ROOT),
  },
  {
    title: 'they count for nothing where it does not',
    allowed: false,
    ...USE,
    identity: [ALL],
    resourcePolicy: keyPolicy('arn:aws:iam::111122223333:role/admin'),
    reason: /no resource-based policy allows/,
  },
  {
    title: 'leaving it to the account gives nobody anything by itself',
    allowed: false,
    ...USE,
    resourcePolicy: keyPolicy(ROOT),
    reason: /no identity-based policy allows/,
  },
  {
    title: 'a key policy that names the role is enough, within the session policy',
    allowed: false,
    ...USE,
    session: [PUT],
    resourcePolicy: keyPolicy(SESSION.roleArn ?? ''),
    reason: /no session policy allows/,
  },
  {
    title: 'kms:ViaService holds for a use through S3',
    allowed: true,
    ...USE,
    identity: [useKey({ Condition: { StringEquals: VIA_S3 } })],
    resourcePolicy: keyPolicy(ROOT),
    context: VIA_S3,
  },
  {
    title: 'and not for a use without it',
    allowed: false,
    ...USE,
    identity: [useKey({ Condition: { StringEquals: VIA_S3 } })],
    resourcePolicy: keyPolicy(ROOT),
  },
])

table('AWS global condition context keys: properties of the network', [
  {
    title: 'a source address in a VPC is no aws:SourceIp: an allow by address does not hold',
    allowed: false,
    identity: when({ IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } }),
    context: { 'aws:VpcSourceIp': '10.0.0.1', 'aws:SourceVpce': 'vpce-1' },
  },
  {
    title: 'and a deny of every other address does',
    allowed: false,
    identity: [ALL, { ...DENY_PUT, Condition: { NotIpAddress: { 'aws:SourceIp': '192.0.2.0/24' } } }],
    context: { 'aws:SourceVpce': 'vpce-1' },
  },
  {
    title: 'IfExists makes it no milder: a missing key makes such a condition true',
    allowed: false,
    identity: [ALL, { ...DENY_PUT, Condition: { NotIpAddressIfExists: { 'aws:SourceIp': '192.0.2.0/24' } } }],
    context: { 'aws:SourceVpce': 'vpce-1' },
  },
  {
    title: 'unless it also demands that there is an address',
    allowed: true,
    identity: [
      ALL,
      {
        ...DENY_PUT,
        Condition: { NotIpAddress: { 'aws:SourceIp': '192.0.2.0/24' }, Null: { 'aws:SourceIp': 'false' } },
      },
    ],
    context: { 'aws:SourceVpce': 'vpce-1' },
  },
  {
    title: 'a deny of every other endpoint refuses what comes through none',
    allowed: false,
    identity: [ALL, { ...DENY_PUT, Condition: { StringNotEquals: { 'aws:SourceVpce': 'vpce-1' } } }],
    context: { 'aws:SourceIp': '192.0.2.1' },
  },
])

describe('the grammar', () => {
  const faulty: readonly (readonly [string, string])[] = [
    ['no JSON', '{'],
    ['no statement', '{"Version":"2012-10-17"}'],
    ['an unknown version', '{"Version":"2026-01-01","Statement":[]}'],
    [
      'an unknown element',
      '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Note":"x"}]}',
    ],
    ['an unknown effect', '{"Version":"2012-10-17","Statement":[{"Effect":"allow","Action":"*","Resource":"*"}]}'],
    [
      'an unknown operator',
      '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringIs":{"aws:userid":"x"}}}]}',
    ],
    [
      'an action of no service',
      '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"PutObject","Resource":"*"}]}',
    ],
    [
      'two statements of one Sid',
      '{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"A","Effect":"Allow","Action":"*","Resource":"*"}]}',
    ],
    [
      'Action beside NotAction',
      '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","NotAction":"s3:*","Resource":"*"}]}',
    ],
  ]
  test.each(faulty)('refuses %s', (_, text) => {
    expect(() => parsePolicy(text)).toThrow(PolicyFault)
  })
})
