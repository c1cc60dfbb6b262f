import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parseRules } from '../../../../src/rules/file/parse-rules.ts'
import { change, FINANCE, faultsOf, LEAD, OWNERS, RULES_TEXT } from '../a-rules-file.ts'

const EXAMPLE = readFileSync(new URL('../../../../latchkey.example.yaml', import.meta.url), 'utf8')

describe('a rules file without fault', () => {
  test('names become ids, durations minutes, texts scopes', () => {
    const rules = parseRules(RULES_TEXT)
    expect(rules.people).toEqual(new Map([['lead', LEAD]]))
    expect(rules.accounts.get('prod')).toEqual({
      name: 'prod',
      id: '111122223333',
      elevationRole: 'latchkey/prod',
      copies: 1,
    })
    expect(rules.buckets.get('finance-reports')).toEqual({
      bucket: 'finance-reports',
      account: 'prod',
      region: 'eu-west-1',
      owners: [{ kind: 'group', name: 'owners', id: OWNERS }],
    })
    expect(rules.entitlements[1]).toEqual({
      name: 'clean-up',
      who: [
        { kind: 'group', name: 'finance', id: FINANCE },
        { kind: 'person', name: 'lead', id: LEAD },
      ],
      scopes: [{ bucket: 'finance-reports', key: 'tmp/' }],
      levels: ['delete'],
      driver: 'session',
      defaultMinutes: 30,
      longestMinutes: 60,
      approvers: [
        { kind: 'manager' },
        { kind: 'group', name: 'owners', id: OWNERS },
        { kind: 'person', name: 'lead', id: LEAD },
      ],
      lapseAfterMinutes: 480,
    })
  })

  test('waiting times have defaults, and an entitlement may carry its own', () => {
    const rules = parseRules(RULES_TEXT)
    expect(rules.reviewTimes).toEqual({ remindAfterMinutes: 30, lapseAfterMinutes: 480 })
    expect(rules.entitlements[2]?.lapseAfterMinutes).toBe(60)
    expect(rules).not.toHaveProperty('securityChannel')
  })

  test('the example of the project has none', () => {
    const rules = parseRules(EXAMPLE)
    expect(rules.entitlements.map(({ name }) => name)).toEqual(['month-end', 'clean-up', 'fire'])
    expect(rules.securityChannel).toBe('19:a1b2c3@thread.tacv2')
  })

  test('levels are in canonical order and object ids in lower case, however they were written', () => {
    const text = change('levels: [read, write]', 'levels: [write, read]').replace(FINANCE, FINANCE.toUpperCase())
    const rules = parseRules(text)
    expect(rules.entitlements[0]?.levels).toEqual(['read', 'write'])
    expect(rules.groups.get('finance')).toBe(FINANCE)
  })

  test('Windows line ends, a byte order mark and a comment after the end mean nothing', () => {
    const text = `\uFEFF${RULES_TEXT.replaceAll('\n', '\r\n')}# end\r\n\r\n`
    expect(parseRules(text).hash).toBe(parseRules(RULES_TEXT).hash)
  })
})

describe('the hash', () => {
  const { hash } = parseRules(RULES_TEXT)

  test('is SHA-256 in hex', () => {
    expect(hash).toMatch(/^[0-9a-f]{64}$/)
  })

  test.each([
    ['comments', change('version: 1', '# ours\nversion: 1 # first form')],
    ['the order of keys', change('{account: prod, region: eu-west-1}', '{region: eu-west-1, account: prod}')],
    ['another way to write the same time', change('longest: 4h', 'longest: 240m')],
    ['another way to write the same scope', change('[s3://finance-reports/]', '["s3://finance-reports"]')],
    ['a default that is written out', change('version: 1', 'version: 1\nreviewTimes: {remindAfter: 30m}')],
  ])('does not change with %s', (_what, text) => {
    expect(parseRules(text).hash).toBe(hash)
  })

  test.each([
    ['a longer time', change('longest: 4h', 'longest: 5h')],
    ['another id', change(LEAD, LEAD.replace('0', '1'))],
    ['another approver', change('from: [manager]', 'from: [group:owners]')],
    ['another level', change('levels: [read, write]', 'levels: [read]')],
    ['another scope', change('finance-reports/tmp/', 'finance-reports/tmp2/')],
  ])('changes with %s', (_what, text) => {
    expect(parseRules(text).hash).not.toBe(hash)
  })
})

describe('a file that was cut short', () => {
  test('is refused wherever the cut is', () => {
    const whole = RULES_TEXT.trimEnd()
    for (let length = 0; length < whole.length; length += 1)
      expect(faultsOf(whole.slice(0, length)).map(({ problem }) => problem)).toContainEqual(
        expect.stringMatching(/must end with a line that holds three dots .* cut short/),
      )
    expect(faultsOf(whole)).toEqual([])
  })
})
