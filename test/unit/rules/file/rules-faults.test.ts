import { describe, expect, test } from 'vitest'
import { RulesFaults } from '../../../../src/rules/file/rules-faults.ts'
import { change, FINANCE, faultsOf, LEAD, OWNERS, RULES_TEXT } from '../a-rules-file.ts'

type Row = [what: string, text: string, line: number, column: number, key: string, problem: RegExp]

const monthEnd = 'entitlements[0]'

const shape: readonly Row[] = [
  ['another version', change('version: 1', 'version: 2'), 1, 10, 'version', /^Expected 1, found 2\.$/],
  ['a missing key', change('version: 1\n', ''), 1, 1, 'version', /missing: expected 1/],
  [
    'an unknown key',
    change('version: 1', 'version: 1\ncolour: red'),
    2,
    1,
    'colour',
    /no key `colour`.*version, people/,
  ],
  [
    'an unknown key inside',
    change('default: 45m', 'usual: 5m, default: 45m'),
    16,
    16,
    `${monthEnd}.duration.usual`,
    /default, longest/,
  ],
  [
    'an empty value',
    change('people: {lead', 'securityChannel:\npeople: {lead'),
    2,
    17,
    'securityChannel',
    /found nothing/,
  ],
  [
    'a list where a map belongs',
    change('{account: prod, region: eu-west-1}', '[prod]'),
    10,
    12,
    'buckets.payroll',
    /Expected a map of account, region, kmsKey, bucketKey, owners/,
  ],
  [
    'an id that is no object id',
    change(LEAD, 'lead@example.com'),
    2,
    16,
    'people.lead',
    /Entra object id.*found "lead@example\.com"/,
  ],
  [
    'an account id without quotes',
    change('"111122223333"', '111122223333'),
    7,
    14,
    'accounts.prod.id',
    /twelve digits in quotes, found 111122223333/,
  ],
  [
    'a role outside latchkey/',
    change('latchkey/prod', 'admin/prod'),
    7,
    45,
    'accounts.prod.elevationRole',
    /below latchkey\//,
  ],
  [
    'a role with a wildcard',
    change('latchkey/prod', 'latchkey/*'),
    7,
    45,
    'accounts.prod.elevationRole',
    /below latchkey\//,
  ],
  ['a bucket that S3 would refuse', change('  payroll:', '  Pay_Roll:'), 10, 3, 'buckets.Pay_Roll', /lower case/],
  ['a region that is none', change('eu-west-1}', 'europe}'), 10, 36, 'buckets.payroll.region', /AWS region/],
  ['a name with a space', change('  owners: 9', '  the owners: 9'), 5, 3, 'groups.the owners', /a name of letters/],
  [
    'no entitlement at all',
    change(RULES_TEXT.slice(RULES_TEXT.indexOf('entitlements:')), 'entitlements: []\n...\n'),
    11,
    15,
    'entitlements',
    /not empty/,
  ],
  ['nobody who may ask', change('who: [group:finance]', 'who: []'), 13, 10, `${monthEnd}.who`, /not empty/],
  [
    'an asker of no kind',
    change('who: [group:finance]', 'who: [finance]'),
    13,
    11,
    `${monthEnd}.who[0]`,
    /group:<name> or person:<name>, found "finance"/,
  ],
  [
    'a manager who asks',
    change('who: [group:finance]', 'who: [manager]'),
    13,
    11,
    `${monthEnd}.who[0]`,
    /found "manager"/,
  ],
  ['a wildcard in a scope', change('2026/', '2026/*'), 14, 14, `${monthEnd}.scopes[0]`, /cannot hold \*/],
  [
    'a level that is none',
    change('[read, write]', '[read, admin]'),
    15,
    20,
    `${monthEnd}.levels[1]`,
    /one of read, write, delete, purge, tag, found "admin"/,
  ],
  [
    'a duration without unit',
    change('default: 45m', 'default: 45'),
    16,
    25,
    `${monthEnd}.duration.default`,
    /as 45m, 8h or 2d, found 45/,
  ],
  [
    'a duration that cannot be read',
    change('default: 45m', 'default: 1h30m'),
    16,
    25,
    `${monthEnd}.duration.default`,
    /45m, 8h or 2d/,
  ],
  [
    'a longest time over a week',
    change('longest: 4h', 'longest: 8d'),
    16,
    39,
    `${monthEnd}.duration.longest`,
    /^Expected 7d at most, found 8d\.$/,
  ],
  [
    'no approval',
    change('approval: [{need: 1, from: [manager]}]', 'approval: []'),
    17,
    15,
    `${monthEnd}.approval`,
    /one step/,
  ],
  ['no approver', change('from: [manager]', 'from: []'), 17, 32, `${monthEnd}.approval[0].from`, /not empty/],
  [
    'an approval that nobody needs to give',
    change('need: 1, from: [manager]}', 'need: 0, from: [manager]}'),
    17,
    23,
    `${monthEnd}.approval[0].need`,
    /Expected 1, found 0/,
  ],
  [
    'a channel that is none',
    change('version: 1', 'version: 1\nsecurityChannel: general'),
    2,
    18,
    'securityChannel',
    /Teams conversation id/,
  ],
]

const later: readonly Row[] = [
  ...['ticket: {pattern: x}', 'guardRails: []', 'breakGlass: {}'].map((line): Row => {
    const key = line.slice(0, line.indexOf(':'))
    return [
      key,
      change('levels: [delete]', `levels: [delete]\n    ${line}`),
      22,
      5,
      `entitlements[1].${key}`,
      /does not have `\w+` yet/,
    ]
  }),
  [
    'a level that nobody can ask for',
    change('[read, write]', '[read, bucket-policy]'),
    15,
    20,
    `${monthEnd}.levels[1]`,
    /bucket-policy needs two approvers, which this version of Latchkey does not have\. Remove it\./,
  ],
  [
    'bucket owners as approvers',
    change('from: [manager]', 'from: [bucket-owners]'),
    17,
    33,
    `${monthEnd}.approval[0].from[0]`,
    /`bucket-owners` yet/,
  ],
  [
    'two approvals in a step',
    change('need: 1', 'need: 2'),
    17,
    23,
    `${monthEnd}.approval[0].need`,
    /more than one approval in a step yet/,
  ],
  [
    'two steps',
    change('[manager]}]', '[manager]}, {need: 1, from: [person:lead]}]'),
    17,
    44,
    `${monthEnd}.approval[1]`,
    /several approval steps yet/,
  ],
]

const references: readonly Row[] = [
  [
    'a group that is not named',
    change('who: [group:finance]', 'who: [group:finanze]'),
    13,
    11,
    `${monthEnd}.who[0]`,
    /`groups` does not name finanze\. It names finance, owners\./,
  ],
  [
    'a name that objects inherit',
    change('who: [group:finance]', 'who: [group:constructor]'),
    13,
    11,
    `${monthEnd}.who[0]`,
    /does not name constructor/,
  ],
  [
    'a person who is not named',
    change('from: [manager]', 'from: [person:bo]'),
    17,
    33,
    `${monthEnd}.approval[0].from[0]`,
    /`people` does not name bo/,
  ],
  [
    'an account that is not named',
    change('payroll: {account: prod', 'payroll: {account: dev'),
    10,
    22,
    'buckets.payroll.account',
    /`accounts` does not name dev/,
  ],
  [
    'an owner who is not named',
    change('owners: [group:owners]', 'owners: [group:nobody]'),
    9,
    64,
    'buckets.finance-reports.owners[0]',
    /does not name nobody/,
  ],
  [
    'a scope in a bucket that is not listed',
    change('s3://payroll/out/', 's3://payrol/out/'),
    14,
    42,
    `${monthEnd}.scopes[1]`,
    /`buckets` does not name payrol/,
  ],
  [
    'a default above the longest',
    change('default: 45m', 'default: 5h'),
    16,
    25,
    `${monthEnd}.duration.default`,
    /at most longest, which is 4h; found 5h/,
  ],
  [
    'a reminder after the lapse',
    change('version: 1', 'version: 1\nreviewTimes: {remindAfter: 9h}'),
    2,
    28,
    'reviewTimes.remindAfter',
    /at most lapseAfter, which is 8h; found 9h/,
  ],
  [
    'two entitlements of one name',
    change('name: clean-up', 'name: month-end'),
    18,
    11,
    'entitlements[1].name',
    /name month-end is here twice/,
  ],
  ['two groups of one id', change(OWNERS, FINANCE.toUpperCase()), 5, 11, 'groups.owners', /is here twice/],
  [
    'two people of one id',
    change(`{lead: ${LEAD}}`, `{lead: ${LEAD}, boss: ${LEAD}}`),
    2,
    60,
    'people.boss',
    /is here twice/,
  ],
  [
    'two accounts of one id',
    change('buckets:', '  dev: {id: "111122223333", elevationRole: latchkey/dev}\nbuckets:'),
    8,
    13,
    'accounts.dev.id',
    /account id 111122223333 is here twice/,
  ],
  [
    'one level twice',
    change('[read, write]', '[read, read]'),
    15,
    20,
    `${monthEnd}.levels[1]`,
    /level read is here twice/,
  ],
  [
    'one scope twice',
    change('[s3://finance-reports/]', '[s3://finance-reports/, s3://finance-reports]'),
    26,
    37,
    'entitlements[2].scopes[1]',
    /is here twice/,
  ],
  [
    'one approver twice',
    change('from: [manager]', 'from: [manager, manager]'),
    17,
    42,
    `${monthEnd}.approval[0].from[1]`,
    /manager is here twice/,
  ],
]

const yaml: readonly Row[] = [
  ['one key twice', change('version: 1', 'version: 1\nversion: 1'), 2, 1, 'version', /here twice/],
  ['a bracket that is not closed', change('levels: [read, write]', 'levels: [read, write'), 16, 5, '', /\]/],
  [
    'an anchor',
    change('levels: [read, write]', 'levels: &both [read, write]'),
    15,
    19,
    `${monthEnd}.levels`,
    /Anchors are not taken/,
  ],
  [
    'an alias',
    change('levels: [delete]', 'levels: *both').replace('[read, write]', '&both [read, write]'),
    21,
    13,
    'entitlements[1].levels',
    /Aliases are not taken/,
  ],
  ['a tag', change('version: 1', 'version: !!int "1"'), 1, 16, 'version', /tags are not taken/],
  ['a key that is a number', change('  finance: ', '  7: '), 4, 3, 'groups.7', /key is text/],
  [
    'the key that JavaScript inherits',
    change('version: 1', 'version: 1\n__proto__: {}'),
    2,
    1,
    '__proto__',
    /no key `__proto__`/,
  ],
  ['a directive', `%YAML 1.1\n---\n${RULES_TEXT}`, 1, 1, '', /directives are not taken/],
  ['a second document', `${RULES_TEXT}version: 1\n...\n`, 32, 1, '', /more than one YAML document/],
  ['nothing but the end', '...\n', 1, 1, '', /Expected a map of version/],
  ['a file of another kind', '[]\n...\n', 1, 1, '', /Expected a map of version/],
  ['a file that nests without end', `a: ${'['.repeat(20_000)}\n...\n`, 1, 1, '', /more than 16 deep/],
  ['a file that is too long', `${RULES_TEXT}${'#'.repeat(1024 * 1024)}\n`, 1, 1, '', /longer than 1 MiB/],
]

describe.each([
  ['shape', shape],
  ['what later versions bring', later],
  ['what refers to something else', references],
  ['YAML', yaml],
])('faults of %s', (_group, rows) => {
  test.each(rows)('%s is told with its line, column and key', (_what, text, line, column, key, problem) => {
    const faults = faultsOf(text)
    expect(faults).toContainEqual({ line, column, key, problem: expect.stringMatching(problem) })
    for (const fault of faults) expect(fault.problem).toMatch(/\.$/)
  })
})

describe('every fault at once', () => {
  const broken = change('who: [group:finance]', 'who: [group:finanze]')
    .replace('"111122223333"', '1')
    .replace('longest: 1h', 'longest: 10m')
    .replace('version: 1', 'version: 1\nversion: 1\nbreakGlass: {}')

  test('shape, reference, order and YAML are told together, in the order of the file', () => {
    expect(faultsOf(broken).map(({ line, key }) => `${line} ${key}`)).toEqual([
      '2 version',
      '3 breakGlass',
      '9 accounts.prod.id',
      '15 entitlements[0].who[0]',
      '24 entitlements[1].duration.default',
    ])
  })

  test('the message has one line for each', () => {
    const lines = new RulesFaults(faultsOf(broken)).message.split('\n')
    expect(lines).toHaveLength(6)
    expect(lines[0]).toBe('The rules file has 5 faults.')
    expect(lines[3]).toBe('line 9, column 14, accounts.prod.id: Expected twelve digits in quotes, found 1.')
  })
})
