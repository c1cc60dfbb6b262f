import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isLatchkeyError } from '../../../src/errors.ts'
import {
  DENY_IDS_PER_ROLE,
  denyDocument,
  OTHER_INLINE_CHARACTERS,
  parseDenyDocument,
  ROLE_INLINE_CHARACTERS,
  UNKNOWN_EPOCH,
} from '../../../src/policies/deny-document.ts'

const ROLE = 'AROASANDBOX2345678901'
const NOW = '2026-11-22T10:00:00Z'

const base32 = fc.constantFrom(...'0123456789abcdefghjkmnpqrstvwxyz')
const userId = fc.string({ unit: base32, minLength: 12, maxLength: 12 }).map((id) => `${ROLE}:g-${id}`)
const denied = fc.uniqueArray(userId, { maxLength: 20 }).map((ids) => ids.sort())
const epoch = fc.oneof(fc.uuid(), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }))
const issuedBefore = fc
  .date({ min: new Date('2020-01-01'), max: new Date('2040-01-01'), noInvalidDate: true })
  .map((date) => `${date.toISOString().slice(0, 19)}Z`)
const deny = fc
  .record({ epoch, issuedBefore, denied, some: fc.nat(20) })
  .map(({ some, ...document }) => ({ ...document, unexplained: document.denied.slice(0, some) }))
  .map(({ unexplained, ...document }) => (unexplained.length > 0 ? { ...document, unexplained } : document))

describe('Deny document', () => {
  it('refuses everything to older sessions and to the ids in it', () => {
    const ids = [`${ROLE}:g-0123456789ab`]
    expect(JSON.parse(denyDocument({ epoch: 'e-1', issuedBefore: NOW, denied: ids }))).toEqual({
      Version: '2012-10-17',
      Statement: [
        {
          Sid: 'LatchkeyEpoch652d31',
          Effect: 'Deny',
          Action: '*',
          Resource: '*',
          Condition: { DateLessThan: { 'aws:TokenIssueTime': NOW } },
        },
        {
          Sid: 'LatchkeyDenied',
          Effect: 'Deny',
          Action: '*',
          Resource: '*',
          Condition: { StringEquals: { 'aws:userid': ids } },
        },
      ],
    })
  })

  it('without ids has no condition on an empty list, which IAM does not take', () => {
    const { Statement } = JSON.parse(denyDocument({ epoch: 'ab12', issuedBefore: NOW, denied: [] }))
    expect(Statement).toHaveLength(1)
  })

  it('reads back as it was written', () => {
    fc.assert(
      fc.property(deny, (document) => {
        expect(parseDenyDocument(denyDocument(document))).toEqual(document)
      }),
    )
  })

  it('leaves room for every id that new grants may count on, beside other inline policies', () => {
    const ids = Array.from({ length: DENY_IDS_PER_ROLE }, (_, n) => `${ROLE}:g-${String(n).padStart(12, '0')}`)
    const text = denyDocument({ epoch: randomUUID(), issuedBefore: NOW, denied: ids })
    expect(text.length).toBeLessThanOrEqual(ROLE_INLINE_CHARACTERS - OTHER_INLINE_CHARACTERS)
  })

  it('that no role could hold is refused as a full quota', () => {
    const ids = Array.from({ length: 300 }, (_, n) => `${ROLE}:g-${String(n).padStart(12, '0')}`)
    const refusal = attempt(() => denyDocument({ epoch: 'ab', issuedBefore: NOW, denied: ids }))
    expect(isLatchkeyError(refusal, 'QUOTA_FULL')).toBe(true)
  })

  it('never takes an id or a time that would mean something else in IAM', () => {
    const good = { epoch: 'ab', issuedBefore: NOW, denied: [] }
    for (const id of ['*', '$' + '{aws:userid}', `${ROLE}:*`, ROLE, `${ROLE}:g-1 `, ''])
      expect(() => denyDocument({ ...good, denied: [id] }), id).toThrow(TypeError)
    expect(() => denyDocument({ ...good, epoch: '' })).toThrow(TypeError)
    expect(() => denyDocument({ ...good, unexplained: [`${ROLE}:g-1`] })).toThrow(TypeError)
    for (const issuedBefore of ['', 'now', '2026-11-22T10:00:00.000Z'])
      expect(() => denyDocument({ ...good, issuedBefore })).toThrow(TypeError)
  })
})

describe('a Deny document edited by hand', () => {
  const ours = { epoch: 'ab12', issuedBefore: NOW, denied: [`${ROLE}:g-000000000001`, `${ROLE}:g-000000000002`] }
  const edits: Record<string, (text: string) => string> = {
    'allows instead': (text) => text.replaceAll('Deny', 'Allow'),
    'denies one action only': (text) => text.replace('"Action":"*"', '"Action":"s3:PutObject"'),
    'was indented': (text) => JSON.stringify(JSON.parse(text), null, 2),
    'matches by pattern': (text) => text.replace('StringEquals', 'StringLike'),
    'has a third statement': (text) => text.replace(/\]\}$/, ',{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}'),
    'hides its ids behind escapes': (text) => text.replaceAll('AROA', '\\u0041ROA'),
    'is no JSON any more': (text) => text.slice(0, -3),
    'lost its mark': (text) => text.replace(/LatchkeyEpoch\w+/, 'Mine'),
  }

  for (const [name, edit] of Object.entries(edits)) {
    it(`that ${name} keeps every id denied, and carries nobody's epoch`, () => {
      const found = parseDenyDocument(edit(denyDocument(ours)))
      expect(found.denied).toEqual(ours.denied)
      expect(found.epoch).toBe(UNKNOWN_EPOCH)
    })
  }

  it('can be written again as what could be read of it', () => {
    const found = parseDenyDocument('{"Version":"2012-10-17","Statement":[]}')
    expect(parseDenyDocument(denyDocument(found))).toEqual({ ...found, denied: [] })
  })

  it('never loses an id, wherever it stands and whatever surrounds it', () => {
    fc.assert(
      fc.property(denied, fc.json(), (ids, noise) => {
        const text = JSON.stringify({ Statement: [{ [noise]: { list: [noise, ids] } }] })
        expect(parseDenyDocument(text).denied).toEqual(expect.arrayContaining(ids))
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
