import { describe, expect, test } from 'vitest'
import type { Grant } from '../../../src/grants/grant.ts'
import { grantIdOf, matchGrant } from '../../../src/oversight/match-grant.ts'
import { someGrant } from '../grants/a-grant.ts'
import { someRecord } from './a-record.ts'

const ACTIVATED_AT = '2026-11-22T10:00:00.000Z'
const ENDS_AT = '2026-11-22T10:45:00.000Z'
const NOW = Date.parse('2026-11-22T11:00:00.000Z')

function grant(changes: Partial<Grant> = {}): Grant {
  return someGrant({ status: 'active', activatedAt: ACTIVATED_AT, endsAt: ENDS_AT, ...changes })
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
    ['never-active', someRecord(), someGrant({ status: 'revoking', endsAt: ENDS_AT })],
    ['before-the-grant', at('2026-11-22T09:58:59Z'), grant()],
    ['after-the-grant', at('2026-11-22T10:46:01Z'), grant()],
    ['after-the-grant', at('2026-11-22T10:12:00Z'), grant({ endedAt: '2026-11-22T10:10:30.000Z' })],
    // Written down late: AWS ended it on time.
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
