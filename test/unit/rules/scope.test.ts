import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isLatchkeyError } from '../../../src/errors.ts'
import { contains, formatScope, parseScope, type Scope } from '../../../src/rules/scope.ts'

const accepted: readonly [description: string, text: string, scope: Scope][] = [
  ['a bucket without a slash', 's3://finance-reports', { bucket: 'finance-reports', key: '' }],
  ['a bucket', 's3://finance-reports/', { bucket: 'finance-reports', key: '' }],
  ['a prefix', 's3://finance-reports/2026/', { bucket: 'finance-reports', key: '2026/' }],
  ['one object', 's3://finance-reports/2026/q1.csv', { bucket: 'finance-reports', key: '2026/q1.csv' }],
  ['a dotted bucket', 's3://www.example.com/a', { bucket: 'www.example.com', key: 'a' }],
  ['a space inside the key', 's3://b-1/month end/q1.csv', { bucket: 'b-1', key: 'month end/q1.csv' }],
  ['percent signs as they stand', 's3://b-1/a%2F%20b/', { bucket: 'b-1', key: 'a%2F%20b/' }],
  ['dots that are not a whole segment', 's3://b-1/a..b/.c/d...', { bucket: 'b-1', key: 'a..b/.c/d...' }],
  ['a dollar and braces that are no variable', 's3://b-1/$a{b}/', { bucket: 'b-1', key: '$a{b}/' }],
  ['a key of 1,024 bytes', `s3://b-1/${'k'.repeat(1024)}`, { bucket: 'b-1', key: 'k'.repeat(1024) }],
]

const refused: readonly [description: string, text: string, sentence: RegExp][] = [
  ['nothing', '', /begins with s3:\/\//],
  ['another scheme', 'https://b-1/a', /begins with s3:\/\//],
  ['an ARN', 'arn:aws:s3:::b-1/a', /begins with s3:\/\//],
  ['the scheme in upper case', 'S3://b-1/a', /begins with s3:\/\//],
  ['a star', 's3://b-1/a*', /cannot hold \*\./],
  ['a question mark', 's3://b-1/a?', /cannot hold \?\./],
  ['an IAM variable', `s3://b-1/\${aws:username}/`, /cannot hold \$\{\./],
  ['a star as the bucket', 's3://*/', /cannot hold \*\./],
  ['a backslash', 's3://b-1/a\\b', /backslash/],
  ['a line break', 's3://b-1/a\nb', /U\+000A/],
  ['a null character', 's3://b-1/a\0', /U\+0000/],
  ['a delete character', 's3://b-1/a\x7f', /U\+007F/],
  ['a letter outside ASCII', 's3://b-1/é/', /U\+00E9/],
  ['a character of two code units', 's3://b-1/🔑/', /U\+1F511/],
  ['a space at the end', 's3://b-1/a ', /begin or end with a space/],
  ['a slash at the start of the key', 's3://b-1//a', /begin with a slash/],
  ['an empty segment', 's3://b-1/a//b', /two slashes in a row/],
  ['an empty segment at the end', 's3://b-1/a//', /two slashes in a row/],
  ['a segment that goes up', 's3://b-1/a/../b', /\. or \.\. between slashes/],
  ['a segment that goes up at the end', 's3://b-1/a/..', /\. or \.\. between slashes/],
  ['a segment that stays', 's3://b-1/./a', /\. or \.\. between slashes/],
  ['a key of 1,025 bytes', `s3://b-1/${'k'.repeat(1025)}`, /1025 bytes long; S3 takes 1024/],
  ['no bucket', 's3:///a', /3 to 63/],
  ['a bucket of two letters', 's3://ab/', /3 to 63/],
  ['a bucket of 64 letters', `s3://${'b'.repeat(64)}/`, /3 to 63/],
  ['upper case in the bucket', 's3://Finance/', /lower case/],
  ['an underscore in the bucket', 's3://a_b/', /lower case/],
  ['a bucket that ends in a hyphen', 's3://abc-/', /begins and ends/],
  ['two dots in the bucket', 's3://a..b/', /two dots/],
  ['a bucket like an IP address', 's3://192.168.5.4/', /IP address/],
  ['a punycode bucket', 's3://xn--abc/', /xn--/],
  ['an access point alias', 's3://point-abc-s3alias/a', /-s3alias/],
  ['a directory bucket', 's3://b--use1-az4--x-s3/a', /--x-s3/],
  ['a user before the bucket', 's3://me@b-1/a', /lower case/],
]

describe('what a scope is', () => {
  test.each(accepted)('%s is taken', (_description, text, scope) => {
    expect(parseScope(text)).toEqual(scope)
  })

  test.each(refused)('%s is refused with its reason', (_description, text, sentence) => {
    let thrown: unknown
    try {
      parseScope(text)
    } catch (error) {
      thrown = error
    }
    expect(isLatchkeyError(thrown, 'BAD_INPUT')).toBe(true)
    expect(String(thrown)).toMatch(sentence)
  })
})

const segment = fc.stringMatching(/^[a-c%. ]{1,3}$/).filter((text) => !/^\.\.?$|^ | $/.test(text))
const key = fc
  .tuple(fc.array(segment, { maxLength: 3 }), fc.boolean())
  .map(([segments, isPrefix]) => segments.join('/') + (isPrefix && segments.length > 0 ? '/' : ''))
const scopes = fc.record({ bucket: fc.constantFrom('bucket-a', 'bucket-b'), key })

/** What S3 would serve under the scope, computed differently from `contains`. */
function matches(scope: Scope, object: Scope): boolean {
  if (scope.bucket !== object.bucket) return false
  if (scope.key === '') return true
  return scope.key.at(-1) === '/' ? object.key.indexOf(scope.key) === 0 : object.key === scope.key
}

describe('properties of scopes', () => {
  test('what is written back reads as the same scope', () => {
    fc.assert(
      fc.property(scopes, (scope) => {
        expect(parseScope(formatScope(scope))).toEqual(scope)
      }),
    )
  })

  test('whatever is taken is literal: no wildcard, variable, control character or way up gets in', () => {
    const anything = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[ab/.*?${}\\]*$/))
    fc.assert(
      fc.property(anything, (tail) => {
        const scope = attempt(`s3://bucket-a/${tail}`)
        if (scope === undefined) return
        expect(scope.key).toBe(tail)
        expect(scope.key).toMatch(/^[\x20-\x7e]*$/)
        expect(scope.key).not.toMatch(/[*?\\]|\$\{|\/\/|(^|\/)\.\.?(\/|$)/)
      }),
      { numRuns: 2000 },
    )
  })

  test('containment is a partial order', () => {
    fc.assert(
      fc.property(scopes, scopes, scopes, (a, b, c) => {
        expect(contains(a, a)).toBe(true)
        if (contains(a, b) && contains(b, a)) expect(a).toEqual(b)
        if (contains(a, b) && contains(b, c)) expect(contains(a, c)).toBe(true)
      }),
      { numRuns: 5000 },
    )
  })

  test('a scope contains another exactly when it reaches every object that the other reaches', () => {
    fc.assert(
      fc.property(scopes, scopes, fc.array(key), (outer, inner, keys) => {
        const tails = ['', 'x', 'x/y', ...keys]
        const objects = tails.map((tail) => ({ bucket: inner.bucket, key: inner.key + tail }))
        const reached = objects.filter((object) => matches(inner, object))
        // An object scope covers only itself. The other scopes cover their own prefix and an object beside every deeper scope.
        expect(contains(outer, inner)).toBe(reached.every((object) => matches(outer, object)))
      }),
      { numRuns: 5000 },
    )
  })

  test('a neighbour whose name begins alike is not inside', () => {
    expect(contains(parseScope('s3://bucket-a/2026/'), parseScope('s3://bucket-a/2026-private/x'))).toBe(false)
    expect(contains(parseScope('s3://bucket-a/q1'), parseScope('s3://bucket-a/q1/x'))).toBe(false)
    expect(contains(parseScope('s3://bucket-a/q1'), parseScope('s3://bucket-a/q10'))).toBe(false)
    expect(contains(parseScope('s3://bucket-a'), parseScope('s3://bucket-ab/'))).toBe(false)
  })
})

function attempt(text: string): Scope | undefined {
  try {
    return parseScope(text)
  } catch (error) {
    if (isLatchkeyError(error, 'BAD_INPUT')) return undefined
    throw error
  }
}
