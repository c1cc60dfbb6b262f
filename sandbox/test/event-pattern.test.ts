import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../aws/events/json.ts'
import { matchesPattern } from '../aws/events/pattern.ts'
import { parsePattern } from '../aws/events/pattern-syntax.ts'

/** `says` is the verdict of AWS's own matcher (aws/event-ruler) in the first block, and of the EventBridge user guide's tables in the others. */
interface Case {
  readonly title: string
  readonly pattern: JsonObject
  readonly event: JsonObject
  readonly says: boolean
}

const ACTIVITY: JsonObject = {
  source: ['aws.s3'],
  'detail-type': ['AWS API Call via CloudTrail', 'AWS Service Event via CloudTrail'],
  detail: {
    eventSource: ['s3.amazonaws.com'],
    $or: [{ readOnly: [false] }, { errorCode: ['AccessDenied'] }],
    eventName: [{ 'anything-but': ['UploadPart', 'UploadPartCopy', 'CreateMultipartUpload'] }],
    userIdentity: { arn: [{ prefix: 'arn:aws:sts::111122223333:assumed-role/latchkey-s3-' }] },
  },
}

const SESSION = 'arn:aws:sts::111122223333:assumed-role/latchkey-s3-prod/g-01'

function activity(eventName: string, detail: JsonObject = {}, type = 'AWS API Call via CloudTrail'): JsonObject {
  const common = { eventSource: 's3.amazonaws.com', eventName, readOnly: false, userIdentity: { arn: SESSION } }
  return { source: 'aws.s3', 'detail-type': type, detail: { ...common, ...detail } }
}

const OTHER_ROLE = { userIdentity: { arn: 'arn:aws:sts::111122223333:assumed-role/ops/bo' } }
const PER_KEY = 'AWS Service Event via CloudTrail'

const RULER: readonly Case[] = [
  { title: 'a write by a session', pattern: ACTIVITY, event: activity('PutObject'), says: true },
  { title: 'a read', pattern: ACTIVITY, event: activity('GetObject', { readOnly: true }), says: false },
  {
    title: 'a refused read',
    pattern: ACTIVITY,
    event: activity('GetObject', { readOnly: true, errorCode: 'AccessDenied' }),
    says: true,
  },
  { title: 'one part of an upload', pattern: ACTIVITY, event: activity('UploadPart'), says: false },
  {
    title: 'a key of a batch delete',
    pattern: ACTIVITY,
    event: activity('DeleteObject', {}, PER_KEY),
    says: true,
  },
  { title: 'another role', pattern: ACTIVITY, event: activity('PutObject', OTHER_ROLE), says: false },
]

function leaf(title: string, matcher: JsonObject['a'], value: JsonObject['a'], says: boolean): Case {
  return { title, pattern: { a: [matcher ?? null] }, event: { a: value ?? null }, says }
}

const GUIDE: readonly Case[] = [
  leaf('an exact string', 'x', 'x', true),
  leaf('an exact string in other case', 'x', 'X', false),
  leaf('a string is not a boolean', 'false', false, false),
  leaf('a boolean', false, false, true),
  leaf('null', null, null, true),
  leaf('null is not the empty string', null, '', false),
  leaf('the empty string', '', '', true),
  leaf('one element of an array', 'b', ['a', 'b'], true),
  leaf('prefix', { prefix: '2017-10-02' }, '2017-10-02T18:43:48Z', true),
  leaf('prefix elsewhere', { prefix: '10' }, '2017-10', false),
  leaf('prefix without regard to case', { prefix: { 'equals-ignore-case': 'aws' } }, 'AWS.s3', true),
  leaf('suffix', { suffix: '.png' }, 'photo.png', true),
  leaf('suffix without regard to case', { suffix: { 'equals-ignore-case': '.PNG' } }, 'photo.png', true),
  leaf('anything-but a string', { 'anything-but': 'initializing' }, 'running', true),
  leaf('anything-but that string', { 'anything-but': 'initializing' }, 'initializing', false),
  leaf('anything-but numbers', { 'anything-but': [1, 2] }, 3, true),
  leaf('anything-but those numbers', { 'anything-but': [1, 2] }, 2, false),
  leaf('anything-but a prefix', { 'anything-but': { prefix: 'init' } }, 'initializing', false),
  leaf('anything-but prefixes', { 'anything-but': { prefix: ['init', 'run'] } }, 'stopped', true),
  leaf('anything-but a suffix', { 'anything-but': { suffix: '.txt' } }, 'a.txt', false),
  leaf('anything-but without regard to case', { 'anything-but': { 'equals-ignore-case': ['A', 'b'] } }, 'B', false),
  leaf('anything-but a wildcard', { 'anything-but': { wildcard: '*/lib/*' } }, 'usr/lib/x', false),
  leaf('numeric range inside', { numeric: ['>', 0, '<=', 5] }, 5, true),
  leaf('numeric range outside', { numeric: ['>', 0, '<=', 5] }, 0, false),
  leaf('numeric of a string', { numeric: ['=', 5] }, '5', false),
  leaf('cidr inside', { cidr: '10.0.0.0/24' }, '10.0.0.255', true),
  leaf('cidr outside', { cidr: '10.0.0.0/24' }, '10.0.1.0', false),
  leaf('cidr of IPv6', { cidr: '2001:db8::/32' }, '2001:db8::1', true),
  leaf('cidr of a name', { cidr: '10.0.0.0/24' }, 's3.amazonaws.com', false),
  leaf('equals-ignore-case', { 'equals-ignore-case': 'alice' }, 'ALICE', true),
  leaf('wildcard', { wildcard: 'a*c*.csv' }, 'abxc1.csv', true),
  leaf('wildcard, other ending', { wildcard: 'a*c*.csv' }, 'abxc1.csv2', false),
  leaf('wildcard with an escaped star', { wildcard: 'a\\*b' }, 'a*b', true),
  leaf('wildcard with an escaped star is literal', { wildcard: 'a\\*b' }, 'axb', false),
  leaf('wildcard takes dots literally', { wildcard: 'a.*' }, 'axb', false),
  { title: 'exists', pattern: { a: [{ exists: true }] }, event: { a: 1 }, says: true },
  { title: 'exists only on leaves', pattern: { a: [{ exists: true }] }, event: { a: { b: 1 } }, says: false },
  { title: 'exists false on a missing field', pattern: { a: { b: [{ exists: false }] } }, event: {}, says: true },
  { title: 'exists false on a present field', pattern: { a: [{ exists: false }] }, event: { a: null }, says: false },
  { title: 'anything-but needs the field', pattern: { a: [{ 'anything-but': 'x' }] }, event: {}, says: false },
  { title: '$or, second option', pattern: { $or: [{ a: [1] }, { b: [2] }] }, event: { b: 2 }, says: true },
  { title: '$or, none', pattern: { $or: [{ a: [1] }, { b: [2] }] }, event: { a: 2 }, says: false },
  { title: '$or and its neighbour', pattern: { c: [3], $or: [{ a: [1] }, { b: [2] }] }, event: { a: 1 }, says: false },
  {
    title: 'fields of one array element belong together',
    pattern: { list: { a: [1], b: [2] } },
    event: {
      list: [
        { a: 1, b: 3 },
        { a: 4, b: 2 },
      ],
    },
    says: false,
  },
]

describe('the matcher says what AWS says', () => {
  for (const { title, pattern, event, says } of [...RULER, ...GUIDE]) {
    test(`${title}: ${says}`, () => {
      const parsed = parsePattern(JSON.stringify(pattern))
      expect(matchesPattern(parsed, event)).toBe(says)
    })
  }
})

const REFUSED = {
  'text that is no JSON': '{',
  'an array': '[]',
  'an empty object': '{}',
  'an empty array': '{"a":[]}',
  'a bare value': '{"a":"b"}',
  'an unknown operator': '{"a":[{"like":"b"}]}',
  'two operators in one matcher': '{"a":[{"prefix":"b","suffix":"c"}]}',
  'a nested array': '{"a":[["b"]]}',
  'exists with a string': '{"a":[{"exists":"true"}]}',
  'a prefix that is a number': '{"a":[{"prefix":1}]}',
  'a numeric without a bound': '{"a":[{"numeric":[">"]}]}',
  'a numeric range the wrong way round': '{"a":[{"numeric":[">",5,"<",1]}]}',
  'a numeric too large': '{"a":[{"numeric":["=",5000000001]}]}',
  'a cidr without bits': '{"a":[{"cidr":"10.0.0.0"}]}',
  'two stars in a row': '{"a":[{"wildcard":"a**"}]}',
  'a stray backslash in a wildcard': '{"a":[{"wildcard":"a\\\\b"}]}',
  'an $or of one': '{"$or":[{"a":[1]}]}',
  'anything-but of mixed kinds': '{"a":[{"anything-but":["a",1]}]}',
} as const

describe('a pattern that AWS refuses is refused', () => {
  for (const [title, text] of Object.entries(REFUSED)) {
    test(title, () => {
      expect(() => parsePattern(text)).toThrow(/^Event pattern is not valid\. Reason: /)
    })
  }
})
