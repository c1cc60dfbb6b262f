import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { PROJECT } from '../../sandbox/project.ts'
import { allCards } from '../cards/all-cards.ts'
import { PUBLIC_URL, STATES, someRequest } from '../fixtures/sample-views.ts'
import { denyRecordOf, hashOfRules, macOfGrant, macOfRequest, noticeRecordOf, renderMail } from './from-src.ts'
import { frozenMacOf } from './frozen-signing.ts'
import { expectGolden, expectLines } from './golden-file.ts'
import { DENY_LISTS, NOTICES, REQUESTS, TERMS_OF } from './some-records.ts'

/** What the same records, rules and requests gave at commit bc0697b. */

const RULES = readFileSync(join(PROJECT, 'latchkey.example.yaml'), 'utf8')
const KEYS = ['a1'.repeat(32), 'Zk9-_another-key-of-43-characters-in-base64url']

/** One value for each key and each record. */
function each<T>(records: Readonly<Record<string, T>>, make: (key: string, record: T) => unknown) {
  return Object.fromEntries(
    Object.entries(records).map(([name, record]) => [name, KEYS.map((key) => make(key, record))]),
  )
}

describe('MACs', () => {
  const macs = {
    request: each(REQUESTS, macOfRequest),
    grant: each(TERMS_OF, macOfGrant),
    deny: each(DENY_LISTS, denyRecordOf),
    notice: each(NOTICES, (key, notice) => noticeRecordOf(key, RULES, notice)),
  }

  test('are those that records carry already', () => {
    expectGolden('macs.json', macs)
  })

  test('are what the frozen code makes', () => {
    expect(macs).toEqual({
      request: each(REQUESTS, (key, request) => frozenMacOf(key, 'request', { ...request })),
      grant: each(TERMS_OF, (key, terms) => frozenMacOf(key, 'grant', { terms })),
      deny: each(DENY_LISTS, (key, deny) => ({ ...deny, mac: frozenMacOf(key, 'deny', { ...deny }) })),
      notice: each(NOTICES, (key, notice) => ({ notice, mac: frozenMacOf(key, 'notice', { notice }) })),
    })
  })
})

test('the hash of the example rules is the one that grants carry', () => {
  expectGolden('rules-hash.json', { 'latchkey.example.yaml': hashOfRules(RULES) })
})

test('every card is the one that messages show', () => {
  expectLines('cards.jsonl', allCards())
})

test('every mail is the one that approvers get', () => {
  const asked = Object.entries(STATES).filter(([, { request }]) => request.status === 'pending')
  const careful = someRequest({ ticket: '', warnings: ['The bucket is encrypted with a key that may refuse it.'] })
  const all = [...asked, ['pending, with a warning', { request: careful, grant: null }] as const]
  const mails = all.map(([name, shown]) => ({ name, ...renderMail(shown, PUBLIC_URL) }))
  expectLines('mails.jsonl', mails)
})
