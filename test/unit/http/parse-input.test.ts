import { describe, expect, test } from 'vitest'
import { askBody, grantsQuery, reviewBody } from '../../../src/http/api-schemas.ts'
import { parseInput } from '../../../src/http/parse-input.ts'

const ASK = { scope: 's3://finance-reports/2026/', levels: ['write'], reason: 'month-end fix' }

describe('a request that cannot be read is told in our own words', () => {
  test.each([
    ['a field that is missing', { ...ASK, reason: undefined }, '`reason` is missing: it must be text'],
    ['a list that is missing', { ...ASK, levels: undefined }, '`levels` is missing: it must be a list'],
    ['another type', { ...ASK, levels: 'write' }, '`levels` must be a list'],
    [
      'an unknown level',
      { ...ASK, levels: ['write', 'admin'] },
      '`levels[1]` must be one of `read`, `write`, `delete`, `purge`, `tag`',
    ],
    [
      'the level that needs two approvers',
      { ...ASK, levels: ['bucket-policy'] },
      'The level bucket-policy needs two approvers, which this version of Latchkey does not have',
    ],
    ['an empty list', { ...ASK, levels: [] }, '`levels` must hold at least 1'],
    ['no text', { ...ASK, reason: ' ' }, '`reason` must have at least 1 character'],
    ['too much text', { ...ASK, ticket: 'x'.repeat(101) }, '`ticket` must have at most 100 characters'],
    ['half a minute', { ...ASK, durationMinutes: 0.5 }, '`durationMinutes` must be a whole number'],
    ['no minute', { ...ASK, durationMinutes: 0 }, '`durationMinutes` must be more than 0'],
    ['an unknown field', { ...ASK, approver: 'me' }, '`approver` is not known here'],
    ['two of a kind', { ...ASK, scopes: [ASK.scope] }, 'Give either `scope` or `scopes`'],
    ['a list for a body', [], 'the body must be an object'],
  ])('%s', (_name, body, problem) => {
    expect(() => parseInput(askBody, body)).toThrow(`This cannot be read: ${problem}. Correct it and send it again.`)
  })

  test('every fault at once', () => {
    const problem =
      '`decision` is missing: it must be one of `approve`, `deny`; `comment` must be text; `when`, `why` are not known here'
    expect(() => parseInput(reviewBody, { comment: 7, when: 'now', why: '' })).toThrow(
      `This cannot be read: ${problem}. Correct it and send it again.`,
    )
  })

  test('a number in an address', () => {
    expect(() => parseInput(grantsQuery, { limit: '500' })).toThrow('`limit` must be at most 100.')
    expect(() => parseInput(grantsQuery, { limit: 'all' })).toThrow('`limit` must be a number.')
  })
})
