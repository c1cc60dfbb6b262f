import { describe, expect, it } from 'vitest'
import { attachBoundaryFaults, attachTrustFaults } from '../../../../src/aws/inspect/attach-entity-policies.ts'
import { NEVER } from '../../../../src/rules/levels.ts'

const ACCOUNT = '111122223333'
const ROOT = { AWS: `arn:aws:iam::${ACCOUNT}:root` }
const USER_NAME = `\${aws:username}`
const FIXED = { StringEquals: { 'sts:RoleSessionName': USER_NAME } }
const SAML = { Federated: `arn:aws:iam::${ACCOUNT}:saml-provider/company` }
const GITHUB = { Federated: `arn:aws:iam::${ACCOUNT}:oidc-provider/token.actions.githubusercontent.com` }
const SUBJECT = { StringEquals: { 'sts:RoleSessionName': `\${token.actions.githubusercontent.com:sub}` } }

const allow = (Principal: unknown, Action: string | readonly string[], Condition?: object) => ({
  Effect: 'Allow',
  Principal,
  Action,
  ...(Condition === undefined ? {} : { Condition }),
})
const documentOf = (...Statement: readonly object[]) => JSON.stringify({ Version: '2012-10-17', Statement })

describe('a trust policy fixes what every session is called', () => {
  it.each<[string, readonly object[]]>([
    ['by the name of the IAM user', [allow(ROOT, 'sts:AssumeRole', FIXED)]],
    ['with the operator that knows wildcards', [allow(ROOT, 'sts:AssumeRole', { StringLike: FIXED.StringEquals })]],
    ['in any case', [allow(ROOT, 'STS:assumerole', { stringequals: { 'sts:roleSessionName': [USER_NAME] } })]],
    [
      'for some users of one account',
      [allow({ AWS: [`arn:aws:iam::${ACCOUNT}:user/a`, ACCOUNT] }, 'sts:AssumeRole', FIXED)],
    ],
    ['by the identity provider', [allow(SAML, 'sts:AssumeRoleWithSAML')]],
    ['by the subject of the token', [allow(GITHUB, 'sts:AssumeRoleWithWebIdentity', SUBJECT)]],

    [
      'with more asked beside',
      [allow(ROOT, 'sts:AssumeRole', { ...FIXED, Bool: { 'aws:MultiFactorAuthPresent': 'true' } })],
    ],
    ['whatever is denied', [allow(ROOT, 'sts:AssumeRole', FIXED), { Effect: 'Deny', Principal: '*', Action: 'sts:*' }]],
  ])('%s', (_how, statements) => {
    expect(attachTrustFaults(documentOf(...statements))).toEqual([])
  })
})

describe('a trust policy is refused', () => {
  it.each<[string, readonly object[]]>([
    ['without a condition', [allow(ROOT, 'sts:AssumeRole')]],
    ['when one statement of two fixes nothing', [allow(ROOT, 'sts:AssumeRole', FIXED), allow(ROOT, 'sts:AssumeRole')]],
    [
      'with a name that all share',
      [allow(ROOT, 'sts:AssumeRole', { StringEquals: { 'sts:RoleSessionName': 'alice' } })],
    ],
    [
      'with a name among others',
      [allow(ROOT, 'sts:AssumeRole', { StringEquals: { 'sts:RoleSessionName': [USER_NAME, 'alice'] } })],
    ],
    [
      'with a pattern of names',
      [allow(ROOT, 'sts:AssumeRole', { StringLike: { 'sts:RoleSessionName': `${USER_NAME}*` } })],
    ],
    [
      'with a name only where there is one',
      [allow(ROOT, 'sts:AssumeRole', { StringEqualsIfExists: FIXED.StringEquals })],
    ],
    ['that turns the condition round', [allow(ROOT, 'sts:AssumeRole', { StringNotEquals: FIXED.StringEquals })]],
    [
      'that fixes the source identity only',
      [allow(ROOT, 'sts:AssumeRole', { StringEquals: { 'sts:SourceIdentity': USER_NAME } })],
    ],
    ['for everybody', [allow('*', 'sts:AssumeRole', FIXED)]],
    ['for every account', [allow({ AWS: '*' }, 'sts:AssumeRole', FIXED)]],
    [
      'for users of two accounts, who may have one name',
      [allow({ AWS: [ACCOUNT, '444455556666'] }, 'sts:AssumeRole', FIXED)],
    ],
    ['for an account and a provider', [allow(ROOT, 'sts:AssumeRole', FIXED), allow(SAML, 'sts:AssumeRoleWithSAML')]],
    ['for a service of AWS', [allow({ Service: 'ec2.amazonaws.com' }, 'sts:AssumeRole')]],
    [
      'for all but some',
      [{ Effect: 'Allow', NotPrincipal: { AWS: ACCOUNT }, Action: 'sts:AssumeRole', Condition: FIXED }],
    ],
    ['for all actions but some', [{ Effect: 'Allow', Principal: ROOT, NotAction: 'sts:TagSession', Condition: FIXED }]],
    ['with every action', [allow(ROOT, 'sts:*', FIXED)]],
    ['with actions by pattern', [allow(ROOT, 'sts:Assume*', FIXED)]],
    ['with two ways in at once', [allow(SAML, ['sts:AssumeRoleWithSAML', 'sts:AssumeRole'], FIXED)]],
    ['with SAML from what is no provider', [allow(GITHUB, 'sts:AssumeRoleWithSAML')]],
    [
      'with a token that leaves the name open',
      [
        allow(GITHUB, 'sts:AssumeRoleWithWebIdentity', {
          StringEquals: { 'token.actions.githubusercontent.com:aud': 'sts.amazonaws.com' },
        }),
      ],
    ],
    ['with a token and the name of a user', [allow(GITHUB, 'sts:AssumeRoleWithWebIdentity', FIXED)]],
    [
      'with tokens of anybody',
      [allow({ Federated: 'cognito-identity.amazonaws.com' }, 'sts:AssumeRoleWithWebIdentity')],
    ],
  ])('%s', (_how, statements) => {
    expect(attachTrustFaults(documentOf(...statements))).not.toEqual([])
  })

  it.each(['', '{', '[]', '{"Version":"2008-10-17","Statement":[]}'])('when it is %j', (text) => {
    expect(attachTrustFaults(text)).not.toEqual([])
  })
})

const REFUSED = ['iam:*', 'organizations:*', 'account:*', 'sso:*', ...NEVER]
const deny = (Action: unknown, more: object = {}) => ({ Effect: 'Deny', Action, Resource: '*', ...more })
const ROLES = 'arn:aws:iam::*:role/latchkey/*'
const ENTER = deny('sts:AssumeRole', { Resource: ROLES })
const ALL = { Effect: 'Allow', Action: '*', Resource: '*' }

describe('the boundary of a holder', () => {
  it('may leave them all that they have, as long as it denies what no write of ours may give', () => {
    expect(attachBoundaryFaults(documentOf(ALL, deny(REFUSED), ENTER))).toEqual([])
    expect(attachBoundaryFaults(documentOf(ALL, deny([...REFUSED, 'sts:AssumeRole'])))).toEqual([])
    expect(attachBoundaryFaults(documentOf(deny('*')))).toEqual([])
  })

  it.each(REFUSED)('is refused when it does not deny %s', (action) => {
    const others = REFUSED.filter((one) => one !== action)
    expect(attachBoundaryFaults(documentOf(ALL, deny(others), ENTER))).not.toEqual([])
  })

  it.each<[string, readonly object[]]>([
    ['lets into elevation roles', [ALL, deny(REFUSED)]],
    [
      'keeps out of one elevation role only',
      [ALL, deny(REFUSED), deny('sts:AssumeRole', { Resource: 'arn:aws:iam::*:role/latchkey/prod' })],
    ],
    ['denies on a condition', [ALL, deny(REFUSED, { Condition: { Bool: { 'aws:SecureTransport': 'false' } } }), ENTER]],
    ['denies on some resources', [ALL, deny(REFUSED, { Resource: 'arn:aws:s3:::finance-reports' }), ENTER]],
    ['denies all but what it should', [ALL, { Effect: 'Deny', NotAction: 's3:GetObject', Resource: '*' }, ENTER]],
    ['denies a part of IAM', [ALL, deny(['iam:Put*', ...REFUSED.slice(1)]), ENTER]],
    ['counts characters', [ALL, deny(['iam:?', ...REFUSED.slice(1)]), ENTER]],
    ['allows instead', [{ ...ALL, Action: REFUSED }, ENTER]],
  ])('is refused when it %s', (_what, statements) => {
    expect(attachBoundaryFaults(documentOf(...statements))).not.toEqual([])
  })

  it.each(['', '{}', '{"Version":"2008-10-17","Statement":[]}'])('is refused when it is %j', (text) => {
    expect(attachBoundaryFaults(text)).not.toEqual([])
  })
})
