import { describe, expect, test } from 'vitest'
import { checkTyped } from '../../../../src/cli/person/check-typed.ts'
import { askBody, extendBody, reviewBody } from '../../../../src/http/api-schemas.ts'

const good = { levels: ['read', 'write'], scopes: ['s3://finance-reports/2026/'], duration: '45m', reason: 'fix' }

describe('what was typed is refused in the words and options of the command', () => {
  test.each([
    ['a level that is none', { levels: ['read', 'wirte'] }, 'the level `wirte` must be one of `read`, `write`'],
    ['a level that is not given', { levels: ['bucket-policy'] }, 'needs two approvers'],
    ['a place that is none', { scopes: ['finance-reports/2026'] }, 'A scope begins with s3://'],
    ['too many places', { scopes: Array(11).fill(good.scopes[0]) }, 'the list of scopes must hold at most 10'],
    ['a duration without its unit', { duration: '45' }, 'A duration is one whole number and a unit'],
    ['no reason', { reason: ' ' }, '`--because` must have at least 1 character'],
    ['a long ticket', { ticket: 'x'.repeat(101) }, '`--ticket` must have at most 100 characters'],
  ])('%s', (_what, changes, sentence) => {
    expect(() => checkTyped(askBody, { ...good, ...changes })).toThrow(sentence)
    expect(() => checkTyped(askBody, { ...good, ...changes })).not.toThrow(/\[\d|`levels|`scope|`reason|`duration/)
  })

  test('of an extension and of a review too', () => {
    expect(() => checkTyped(extendBody, { reason: '' })).toThrow('`--because`')
    const review = { decision: 'deny', comment: 'x'.repeat(1001) }
    expect(() => checkTyped(reviewBody, review)).toThrow('`--comment` must have at most 1000 characters')
  })

  test('and what the API takes is not refused', () => {
    expect(() => checkTyped(askBody, good)).not.toThrow()
    expect(() => checkTyped(extendBody, { reason: 'longer', duration: '1h' })).not.toThrow()
    expect(() => checkTyped(reviewBody, { decision: 'approve', comment: '' })).not.toThrow()
  })
})
