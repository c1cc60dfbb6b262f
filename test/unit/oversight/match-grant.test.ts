import { describe, expect, test } from 'vitest'
import type { GenuineGrant } from '../../../src/grants/genuine-grant.ts'
import type { Grant, Terms } from '../../../src/grants/grant.ts'
import { grantIdOf, matchAttached, matchGrant, principalIdOf } from '../../../src/oversight/match-grant.ts'
import { DENIED_ON, genuine, someGrant, someTerms } from '../grants/a-grant.ts'
import { someRecord } from './a-record.ts'

const ACTIVATED_AT = '2026-11-22T10:00:00.000Z'
const ENDS_AT = '2026-11-22T10:45:00.000Z'
const NOW = Date.parse('2026-11-22T11:00:00.000Z')

function grant(changes: Partial<Grant> = {}): GenuineGrant {
  return genuine(someGrant({ status: 'active', activatedAt: ACTIVATED_AT, endsAt: ENDS_AT, ...changes }))
}

function at(eventTime: string) {
  return someRecord({ eventTime })
}

function by(principalId: string | undefined) {
  return someRecord({ userIdentity: { principalId } })
}

const MATCHED = { grantId: 'g-0123456789ab' }

describe('a record is of a grant', () => {
  test.each([
    ['within its time', at('2026-11-22T10:12:31Z'), grant()],
    ['as far before it as clocks may be apart', at('2026-11-22T09:59:00Z'), grant()],
    ['as far after it as clocks may be apart', at('2026-11-22T10:46:00Z'), grant()],
    ['that is over by now', at('2026-11-22T10:12:31Z'), grant({ status: 'expired', endedAt: ENDS_AT })],
    ['that ended early, within its time', at('2026-11-22T10:10:00Z'), grant({ endedAt: '2026-11-22T10:10:30.000Z' })],
    ['refused after its end', someRecord({ eventTime: '2026-11-22T10:59:00Z', errorCode: 'AccessDenied' }), grant()],
  ])('%s', (_when, record, of) => {
    expect(matchGrant(record, of, NOW)).toMatchObject(MATCHED)
  })

  test('for a day after the end, whenever it arrives', () => {
    const record = at('2026-11-22T10:12:31Z')
    const lastMoment = Date.parse('2026-11-23T10:45:00.000Z')
    expect(matchGrant(record, grant(), lastMoment)).toMatchObject(MATCHED)
    expect(matchGrant(record, grant(), lastMoment + 1)).toEqual({ unexplained: 'too-late-to-tell' })
  })
})

describe('a record is unexplained', () => {
  test.each([
    ['no-principal', by(undefined), undefined],
    ['not-a-session-of-a-grant', by('AIDAEXAMPLE'), undefined],
    ['not-a-session-of-a-grant', by('AROAEXAMPLE:alice@example.com'), undefined],
    ['not-a-session-of-a-grant', by('AROAEXAMPLE:g-0123456789abc'), undefined],
    ['unknown-grant', by('AROAEXAMPLE:g-0123456789ab'), undefined],
    ['other-principal', by('AROAOTHER:g-0123456789ab'), grant()],
    ['other-account', someRecord({}, { account: '999988887777' }), grant()],
    ['never-active', someRecord(), genuine(someGrant({ status: 'revoking', endsAt: ENDS_AT }))],
    ['before-the-grant', at('2026-11-22T09:58:59Z'), grant()],
    ['after-the-grant', at('2026-11-22T10:46:01Z'), grant()],
    ['after-the-grant', at('2026-11-22T10:12:00Z'), grant({ endedAt: '2026-11-22T10:10:30.000Z' })],
    // The record got the end late; AWS ended the session on time.
    ['after-the-grant', at('2026-11-22T10:50:00Z'), grant({ endedAt: '2026-11-22T10:55:00.000Z' })],
    ['before-the-grant', someRecord({ eventTime: '2026-11-22T09:00:00Z', errorCode: 'AccessDenied' }), grant()],
  ])('%s', (unexplained, record, of) => {
    expect(matchGrant(record, of, NOW)).toEqual({ unexplained })
  })
})

test('the grant is named by the session, and by nothing that anybody may choose', () => {
  expect(grantIdOf(by('AROAEXAMPLE:g-0123456789ab'))).toBe('g-0123456789ab')
  expect(grantIdOf(by('AIDAEXAMPLE:g-0123456789ab'))).toBeUndefined()
  expect(grantIdOf(someRecord({ userIdentity: { arn: 'arn:aws:sts::1:assumed-role/prod/g-0123456789ab' } }))).toBe(
    undefined,
  )
})

const HOLDER = 'AROAEXAMPLE:alice@example.com'

function held(grantId: string, changes: Partial<Terms> = {}, more: Partial<Grant> = {}): GenuineGrant {
  const arn = 'arn:aws:iam::111122223333:role/app-team'
  const principal = { driver: 'attach', account: '111122223333', arn, userid: HOLDER, deniedOn: DENIED_ON } as const
  return grant({ terms: someTerms({ grantId, principal, ...changes }), id: grantId, ...more })
}

function byPrincipal(changes: object = {}, around: object = {}) {
  return someRecord({ userIdentity: { principalId: HOLDER }, ...changes }, around)
}

function about(eventName: string, key: string | undefined, bucketName = 'finance-reports') {
  return byPrincipal({ eventName, requestParameters: { bucketName, key } })
}

describe('a record is of a grant on somebody’s own role or user', () => {
  const write = held('g-00000000000w')
  const tmp = held('g-00000000000t', { scopes: ['s3://finance-reports/tmp/', 's3://finance-reports/one.csv'] })
  const remove = held('g-00000000000d', { levels: ['delete'] })
  const purge = held('g-00000000000p', { levels: ['purge'] })

  test.each<[string, ReturnType<typeof byPrincipal>, readonly GenuineGrant[], string]>([
    ['in its scope', byPrincipal(), [write], write.grant.id],
    ['by the scope, of several', about('PutObject', 'tmp/a'), [write, tmp], tmp.grant.id],
    ['of one whole object', about('PutObject', 'one.csv'), [write, tmp], tmp.grant.id],
    ['by the level, of several of one scope', about('DeleteObject', '2026/a'), [write, remove], remove.grant.id],
    ['by the level of many objects', about('DeleteObjects', undefined), [write, remove], remove.grant.id],
    ['by the level of versions', about('DeleteObject', '2026/a'), [write, purge], purge.grant.id],
    ['that writes in parts', about('UploadPart', '2026/a'), [remove, write], write.grant.id],
    [
      'that ends last, where nothing else tells them apart',
      byPrincipal(),
      [held('g-00000000000x'), write],
      'g-00000000000x',
    ],
    [
      'in whose time it was, of one scope',
      byPrincipal(),
      [held('g-00000000000x', {}, { endedAt: '2026-11-22T10:05:00.000Z' }), write],
      write.grant.id,
    ],
    ['that AWS refused', byPrincipal({ errorCode: 'AccessDenied' }), [write], write.grant.id],
  ])('%s', (_when, record, grants, id) => {
    expect(matchAttached(record, grants, NOW)).toMatchObject({ grantId: id })
  })

  test.each<[string, ReturnType<typeof byPrincipal>, readonly GenuineGrant[]]>([
    ['not-a-session-of-a-grant', byPrincipal(), []],
    ['not-a-session-of-a-grant', byPrincipal(), [grant()]],
    ['not-a-session-of-a-grant', byPrincipal({}, { account: '999988887777' }), [write]],
    ['not-a-session-of-a-grant', byPrincipal({ userIdentity: { principalId: 'AROAEXAMPLE:bob' } }), [write]],
    ['outside-the-scope', about('PutObject', '2025/a'), [write, tmp]],
    ['outside-the-scope', about('PutObject', '2026/a', 'other-bucket'), [write]],
    ['outside-the-scope', about('PutObject', 'one.csv.bak'), [tmp]],
    ['outside-the-scope', byPrincipal({ eventName: 'AssumeRole', requestParameters: null }), [write]],
    ['before-the-grant', byPrincipal({ eventTime: '2026-11-22T09:58:59Z' }), [write]],
    ['after-the-grant', byPrincipal({ eventTime: '2026-11-22T10:46:01Z' }), [write]],
    ['never-active', byPrincipal(), [held('g-00000000000n', {}, { activatedAt: undefined })]],
  ])('but not %s', (unexplained, record, grants) => {
    expect(matchAttached(record, grants, NOW)).toEqual({ unexplained })
  })

  test('and nobody is looked for who can hold none', () => {
    expect(principalIdOf(byPrincipal())).toBe(HOLDER)
    expect(principalIdOf(by('AIDAEXAMPLE'))).toBe('AIDAEXAMPLE')
    expect(principalIdOf(by('AROAEXAMPLE:g-0123456789ab'))).toBeUndefined()
    expect(principalIdOf(by('111122223333'))).toBeUndefined()
    expect(principalIdOf(by(undefined))).toBeUndefined()
  })

  test('a grant on a role or user is never matched as the session of an elevation role', () => {
    expect(matchGrant(by('AROAEXAMPLE:g-0123456789ab'), held('g-0123456789ab'), NOW)).toEqual({
      unexplained: 'other-principal',
    })
  })
})
