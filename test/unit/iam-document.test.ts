import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { isLatchkeyError } from '../../src/errors.ts'
import { policySize, SESSION_POLICY_CHARACTERS, sessionPolicy } from '../../src/grants/iam-document.ts'
import { ACTIONS, LEVELS, type Level } from '../../src/rules/levels.ts'
import { contains, type Scope } from '../../src/rules/scope.ts'

const END = '2026-11-22T11:00:00Z'

const statement = z.strictObject({
  Effect: z.literal('Allow'),
  Action: z.union([z.string(), z.array(z.string())]).transform((one) => [one].flat()),
  Resource: z.array(z.string()),
  Condition: z.strictObject({
    DateLessThan: z.strictObject({ 'aws:CurrentTime': z.string() }),
    StringLike: z.strictObject({ 's3:prefix': z.array(z.string()) }).optional(),
  }),
})
const document = z.strictObject({ Version: z.literal('2012-10-17'), Statement: z.array(statement) })

function read(order: { scopes: readonly Scope[]; levels: readonly Level[]; endsAt?: string }) {
  return document.parse(JSON.parse(sessionPolicy({ endsAt: END, ...order }))).Statement
}

/** A second reading of IAM's patterns, written from the User Guide and not from the code: `${*}` `${?}` `${$}` are themselves. */
function matches(pattern: string, text: string): boolean {
  const parts = pattern.match(/\$\{[*?$]\}|[\s\S]/g) ?? []
  const source = parts.map((part) => {
    if (part.length === 4) return `\\${part[2]}`
    if (part === '*') return '[\\s\\S]*'
    if (part === '?') return '[\\s\\S]'
    return part.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
  })
  return new RegExp(`^(?:${source.join('')})$`).test(text)
}

// Keys that no parser lets through: the document does not count on the parser.
const character = fc.constantFrom('a', 'b', '/', '*', '?', '$', '{', '}', '"', '\\', '.', ' ', 'é', '日', '\n')
const key = fc.string({ unit: character, maxLength: 8 })
const bucket = fc.constantFrom('finance-reports', 'team.data', 'abc')
const scope: fc.Arbitrary<Scope> = fc.record({ bucket, key })
const scopes = fc.array(scope, { minLength: 1, maxLength: 3 })
const levels = fc.subarray([...LEVELS], { minLength: 1 })

describe('session policy', () => {
  it('of a prefix allows its objects and the listing of its names, until the end', () => {
    const text = sessionPolicy({ scopes: [{ bucket: 'finance-reports', key: '2026/' }], levels: ['read'], endsAt: END })
    expect(JSON.parse(text)).toEqual({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Action: ['s3:GetObject'],
          Resource: ['arn:aws:s3:::finance-reports/2026/*'],
          Condition: { DateLessThan: { 'aws:CurrentTime': END } },
        },
        {
          Effect: 'Allow',
          Action: 's3:ListBucket',
          Resource: ['arn:aws:s3:::finance-reports'],
          Condition: { DateLessThan: { 'aws:CurrentTime': END }, StringLike: { 's3:prefix': ['2026/*'] } },
        },
      ],
    })
    expect(text).not.toMatch(/\s/)
    expect(policySize(text)).toBe(404)
  })

  it('of one object lists nothing, because a listing would show names beside it', () => {
    const statements = read({ scopes: [{ bucket: 'finance-reports', key: 'q3.csv' }], levels: ['read', 'write'] })
    expect(statements.flatMap(({ Action }) => Action)).not.toContain('s3:ListBucket')
    expect(statements.flatMap(({ Resource }) => Resource)).toEqual(['arn:aws:s3:::finance-reports/q3.csv'])
  })

  it('of a prefix does not list the names that only begin alike', () => {
    const [, list] = read({ scopes: [{ bucket: 'finance-reports', key: 'P/' }], levels: ['read'] })
    const patterns = list?.Condition.StringLike?.['s3:prefix'] ?? []
    const shows = (prefix: string) => patterns.some((pattern) => matches(pattern, prefix))
    expect([shows('P/'), shows('P/a'), shows('P'), shows(''), shows('P-secret/')]).toEqual([
      true,
      true,
      false,
      false,
      false,
    ])
  })

  it('of a whole bucket lists without a prefix, and narrower scopes of that bucket do not take this away', () => {
    const statements = read({
      scopes: [
        { bucket: 'finance-reports', key: '' },
        { bucket: 'finance-reports', key: 'a/' },
        { bucket: 'other-bucket', key: 'b/' },
      ],
      levels: ['read'],
    })
    const lists = statements.filter(({ Action }) => Action.includes('s3:ListBucket'))
    expect(lists.map(({ Resource, Condition }) => [Resource, Condition.StringLike])).toEqual([
      [['arn:aws:s3:::finance-reports'], undefined],
      [['arn:aws:s3:::other-bucket'], { 's3:prefix': ['b/*'] }],
    ])
  })

  it('never lists one bucket by the prefix of another', () => {
    const statements = read({
      scopes: [
        { bucket: 'bucket-one', key: 'a/' },
        { bucket: 'bucket-two', key: 'b/' },
      ],
      levels: ['read'],
    })
    const lists = statements.filter(({ Action }) => Action.includes('s3:ListBucket'))
    expect(
      lists.map(({ Resource, Condition }) => [...Resource, ...(Condition.StringLike?.['s3:prefix'] ?? [])]),
    ).toEqual([
      ['arn:aws:s3:::bucket-one', 'a/*'],
      ['arn:aws:s3:::bucket-two', 'b/*'],
    ])
  })

  it('is never written without its end', () => {
    const scopes = [{ bucket: 'finance-reports', key: '2026/' }]
    const ends = [
      '',
      '2026-11-22',
      '2026-11-22T11:00:00.000Z',
      '2026-11-22T11:00:00+01:00',
      '2026-02-31T00:00:00Z',
      'never',
    ]
    for (const endsAt of ends)
      expect(() => sessionPolicy({ scopes, levels: ['read'], endsAt }), endsAt).toThrow(TypeError)
  })

  it('is never written for nothing, or for a bucket whose name is a pattern', () => {
    expect(() => sessionPolicy({ scopes: [], levels: ['read'], endsAt: END })).toThrow(TypeError)
    expect(() => sessionPolicy({ scopes: [{ bucket: 'abc', key: '' }], levels: [], endsAt: END })).toThrow(TypeError)
    for (const bucket of ['', '*', 'a*c', 'abc/', '$' + '{aws:username}', 'a?c'])
      expect(() => sessionPolicy({ scopes: [{ bucket, key: '' }], levels: ['read'], endsAt: END }), bucket).toThrow(
        TypeError,
      )
  })

  it('that AWS would find too long is refused before anybody is asked', () => {
    const scopes = Array.from({ length: 20 }, (_, n) => ({
      bucket: 'finance-reports',
      key: `${'long-prefix-'.repeat(8)}${n}/`,
    }))
    const refusal = attempt(() => sessionPolicy({ scopes, levels: ['read'], endsAt: END }))
    expect(isLatchkeyError(refusal, 'QUOTA_FULL')).toBe(true)
  })

  it('has its end in every Allow, whatever is asked', () => {
    fc.assert(
      fc.property(scopes, levels, (scopes, levels) => {
        for (const { Condition } of read({ scopes, levels }))
          expect(Condition.DateLessThan['aws:CurrentTime']).toBe(END)
      }),
    )
  })

  it('allows no action outside the levels', () => {
    fc.assert(
      fc.property(scopes, levels, (scopes, levels) => {
        const may = new Set<string>(levels.flatMap((level) => [...ACTIONS[level].object]))
        const objects = read({ scopes, levels }).filter(({ Action }) => !Action.includes('s3:ListBucket'))
        expect(new Set(objects.flatMap(({ Action }) => Action))).toEqual(may)
      }),
    )
  })

  it('reaches no object and no name outside the scopes, whatever characters are in them', () => {
    fc.assert(
      fc.property(scopes, levels, bucket, key, (scopes, levels, bucket, key) => {
        const inside = key !== '' && scopes.some((scope) => contains(scope, { bucket, key }))
        const [objects, ...lists] = read({ scopes, levels })
        expect(
          objects?.Resource.some((resource) => matches(resource, `arn:aws:s3:::${bucket}/${key}`)) && key !== '',
        ).toBe(inside)
        const mayList = lists.some(
          ({ Resource, Condition }) =>
            Resource.includes(`arn:aws:s3:::${bucket}`) &&
            (Condition.StringLike?.['s3:prefix'].some((pattern) => matches(pattern, key)) ?? true),
        )
        const listed = scopes.filter((scope) => scope.key === '' || scope.key.endsWith('/'))
        expect(mayList).toBe(listed.some((scope) => contains(scope, { bucket, key })))
      }),
      { numRuns: 500 },
    )
  })

  it('holds only characters that IAM takes, and is the same text for the same order however it is sorted', () => {
    fc.assert(
      fc.property(scopes, levels, (scopes, levels) => {
        const text = sessionPolicy({ scopes, levels, endsAt: END })
        expect(text).toMatch(/^[\x20-\x7e]*$/)
        expect(text.length).toBeLessThanOrEqual(SESSION_POLICY_CHARACTERS)
        const shuffled = { scopes: scopes.toReversed(), levels: levels.toReversed(), endsAt: END }
        expect(sessionPolicy(shuffled)).toBe(text)
      }),
    )
  })
})

function attempt(act: () => unknown): unknown {
  try {
    return act()
  } catch (error) {
    return error
  }
}
