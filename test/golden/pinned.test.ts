import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { PROJECT } from '../../sandbox/project.ts'
import { allCards } from '../cards/all-cards.ts'
import { PUBLIC_URL, STATES, someRequest } from '../fixtures/sample-views.ts'
import {
  denyRecordOf,
  hashOfRules,
  isGenuineDeny,
  isGenuineNotice,
  isGenuineRequestMac,
  isGenuineTerms,
  macOfGrant,
  macOfRequest,
  noticeRecordOf,
  readStored,
  renderMail,
} from './from-src.ts'
import { frozenMacOf } from './frozen-signing.ts'
import { expectGolden, expectLines } from './golden-file.ts'
import { type Facts, makeOldData } from './old-records.ts'
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
  const oldMacs = {
    request: each(REQUESTS, (key, request) => frozenMacOf(key, 'request', { ...request })),
    grant: each(TERMS_OF, (key, terms) => frozenMacOf(key, 'grant', { terms })),
    deny: each(DENY_LISTS, (key, deny) => ({ ...deny, mac: frozenMacOf(key, 'deny', { ...deny }) })),
    notice: each(NOTICES, (key, notice) => ({ notice, mac: frozenMacOf(key, 'notice', { notice }) })),
  }
  const macs = {
    request: each(REQUESTS, macOfRequest),
    grant: each(TERMS_OF, macOfGrant),
    deny: each(DENY_LISTS, denyRecordOf),
    notice: each(NOTICES, (key, notice) => noticeRecordOf(key, RULES, notice)),
  }

  test('of version 1 are those that records carry already', () => {
    expectGolden('macs.json', oldMacs)
  })

  test('of version 2 are those that records carry from now on', () => {
    expectGolden('macs-2.json', macs)
  })

  test('of version 1 and 2 are both genuine, for their own record and key only', () => {
    const isAnyMac = /^(2\.)?[\w-]{43}$/
    for (const [at, key] of KEYS.entries()) {
      const other = KEYS[1 - at] ?? ''
      const cases = [
        ...macsOf('request', REQUESTS, macs.request, oldMacs.request, at, (known, request, mac) =>
          isGenuineRequestMac(known, { ...request, mac }),
        ),
        ...macsOf('grant', TERMS_OF, macs.grant, oldMacs.grant, at, isGenuineTerms),
        ...macsOf('deny', DENY_LISTS, macs.deny, oldMacs.deny, at, isGenuineDeny),
        ...macsOf('notice', NOTICES, macs.notice, oldMacs.notice, at, isGenuineNotice),
      ]
      expect(cases.length).toBeGreaterThanOrEqual(16)
      for (const { name, mac, isGenuine } of cases) {
        expect(mac).toMatch(isAnyMac)
        expect([name, isGenuine(key, mac), isGenuine(other, mac)]).toEqual([name, true, false])
        const ofOthers = cases.filter((one) => one.name !== name)
        expect(ofOthers.filter((one) => isGenuine(key, one.mac))).toEqual([])
        // A number in front of the other version's MAC makes no MAC.
        expect(isGenuine(key, mac.startsWith('2.') ? mac.slice(2) : `2.${mac}`)).toBe(false)
      }
    }
  })

  test('of version 2 cover until when a request may be decided; those of version 1 do not', () => {
    const { least } = REQUESTS
    if (least === undefined) throw new Error('There is no such record.')
    const later = { ...least, lapsesAt: '2026-11-30T18:00:00.000Z' }
    const [key = ''] = KEYS
    expect(isGenuineRequestMac(key, { ...later, mac: macOfRequest(key, least) })).toBe(false)
    expect(isGenuineRequestMac(key, { ...later, mac: frozenMacOf(key, 'request', { ...least }) })).toBe(true)
  })
})

const PERSON = { objectId: '11111111-1111-4111-8111-111111111111', name: 'Rita Reyes' }
const FACTS: Facts = {
  approvalKey: 'a1'.repeat(32),
  nowMs: Date.parse('2026-11-22T10:00:00.000Z'),
  epoch: '0f8fad5b-d9cb-469f-a165-70867728950e',
  account: '111122223333',
  role: { roleArn: 'arn:aws:iam::111122223333:role/latchkey/prod', roleId: 'AROAEXAMPLE' },
  user: { arn: 'arn:aws:iam::111122223333:user/finn', userid: 'AIDAEXAMPLE' },
  rita: PERSON,
  finn: PERSON,
  max: PERSON,
  tenantId: '22222222-2222-4222-8222-222222222222',
  serviceUrl: 'https://smba.trafficmanager.net/emea/',
}

test('what is read is what is stored, so that a MAC covers the same by both', async () => {
  const kinds = ['request', 'grant'] as const
  for (const { kind, id, json, name } of makeOldData(FACTS).records) {
    const read = kinds.find((one) => one === kind)
    if (read !== undefined) expect(await readStored(read, id, json), `${kind} ${name}`).toStrictEqual(json)
  }
  expect(await readStored('request', 'r-0123456789ab', REQUESTS.most ?? {})).toStrictEqual(REQUESTS.most)
})

/** The MACs of both versions that the key at this position made, each with its check. */
function macsOf<T>(
  kind: string,
  records: Readonly<Record<string, T>>,
  macs: Readonly<Record<string, unknown[]>>,
  oldMacs: Readonly<Record<string, unknown[]>>,
  at: number,
  check: (key: string, record: T, mac: string) => boolean,
) {
  return Object.entries(records).flatMap(([name, record]) =>
    [macs, oldMacs].map((all) => {
      const made = all[name]?.[at]
      const mac = String(typeof made === 'string' ? made : Object(made).mac)
      return { name: `${kind} ${name}`, mac, isGenuine: (key: string, given: string) => check(key, record, given) }
    }),
  )
}

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
