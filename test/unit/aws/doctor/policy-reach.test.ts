import { describe, expect, test } from 'vitest'
import { isAdministrator, readStatements, writesAllowed } from '../../../../src/aws/doctor/policy-reach.ts'

const BUCKET = 'arn:aws:s3:::finance-reports'

function writes(...statements: readonly object[]): readonly string[] {
  return writesAllowed(readStatements(JSON.stringify({ Statement: statements })) ?? [], BUCKET)
}

const allow = { Effect: 'Allow', Action: 's3:PutObject' }

describe('standing rights to write to a bucket', () => {
  test.each([
    ['all objects', `${BUCKET}/*`, true],
    ['a folder', `${BUCKET}/2026/*`, true],
    ['one object', `${BUCKET}/a.csv`, true],
    ['everything', '*', true],
    ['every bucket', 'arn:aws:s3:::*', true],
    ['every bucket of a kind', 'arn:aws:s3:::finance-*/*', true],
    ['a person’s folder', `${BUCKET}/\${aws:username}/*`, true],
    ['one letter open', 'arn:aws:s3:::finance-report?/*', true],
    ['another bucket', 'arn:aws:s3:::finance-reports-2/*', false],
    ['a star that goes across slashes', 'arn:aws:s3:::*-logs/*', true],
    ['the bucket without its objects', BUCKET, false],
  ])('on %s', (_, Resource, may) => {
    expect(writes({ ...allow, Resource })).toEqual(may ? ['s3:PutObject'] : [])
  })

  test.each([
    ['a read', { Action: ['s3:GetObject', 's3:List*'] }, []],
    ['every call of S3', { Action: 's3:*' }, expect.arrayContaining(['s3:PutObject', 's3:DeleteObject'])],
    ['in another case', { Action: 'S3:putobject' }, ['s3:PutObject']],
    ['everything but IAM', { Action: undefined, NotAction: 'iam:*' }, expect.arrayContaining(['s3:PutObject'])],
    ['everywhere but there', { Resource: undefined, NotResource: `${BUCKET}/*` }, []],
    ['everywhere but elsewhere', { Resource: undefined, NotResource: 'arn:aws:s3:::other/*' }, ['s3:PutObject']],
    ['under a condition', { Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'true' } } }, ['s3:PutObject']],
  ])('%s', (_, changes, found) => {
    expect(writes({ ...allow, Resource: `${BUCKET}/*`, ...changes })).toEqual(found)
  })

  test('a plain Deny of all of it takes it away, one of a part or under a condition does not', () => {
    const given = { ...allow, Resource: `${BUCKET}/*` }
    const deny = { Effect: 'Deny', Action: 's3:Put*', Resource: '*' }
    expect(writes(given, deny)).toEqual([])
    expect(writes(given, { ...deny, Resource: `${BUCKET}/2026/*` })).toEqual(['s3:PutObject'])
    expect(writes(given, { ...deny, Condition: { Bool: { 'aws:SecureTransport': 'false' } } })).toEqual([
      's3:PutObject',
    ])
  })

  test('the bucket’s own policy is a way to write', () => {
    expect(writes({ Effect: 'Allow', Action: 's3:PutBucketPolicy', Resource: BUCKET })).toEqual(['s3:PutBucketPolicy'])
  })

  test('who may do everything is an administrator; what is no document is not read', () => {
    const all = readStatements('{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}') ?? []
    expect(isAdministrator(all)).toBe(true)
    expect(readStatements('nothing')).toBeUndefined()
  })
})
