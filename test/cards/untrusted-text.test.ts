import { createRequire } from 'node:module'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { renderAccess } from '../../src/cards/my-access-card.ts'
import { renderCard } from '../../src/cards/request-card.ts'
import { renderForm } from '../../src/cards/request-form.ts'
import { renderNotice } from '../../src/cards/security-notice-card.ts'
import type { RequestAndGrant } from '../../src/views/read-view.ts'
import { NOTICES, PUBLIC_URL, SOME_WRITES, STATES, someGrant, someRequest } from '../fixtures/sample-views.ts'
import { READERS, SOME_OFFERS } from './all-cards.ts'
import { markdownOn, nodesOf, nodesOfType, textsOn } from './read-card.ts'

/** Text from people and AWS appears letter by letter. Neither the template nor markdown nor a card function evaluates it. */

const NASTY = [
  // biome-ignore-start lint/suspicious/noTemplateCurlyInString: these are what a person may type.
  '${1+1}',
  '${publicUrl}',
  '${$root.requestId}',
  '\\${requestId}',
  '`${1}`',
  // biome-ignore-end lint/suspicious/noTemplateCurlyInString: the end of them.
  '{{DATE(2026-01-01T00:00:00Z, SHORT)}}',
  '{{TIME(2026-01-01T00:00:00Z)}}',
  '[Approve here](https://evil.example)',
  '**bold** _it_ `code`',
  '<at>Max Mertens</at>',
  '<b>x</b>&amp;',
  '"quoted" \\ and \'so\'',
  'Grüße 👩 日本語',
]

/** `plain` has a test of its own for the characters that it makes visible. */
const HIDDEN = /[\p{Cc}\p{Cf}\u2028\u2029\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0]/u

const text = fc
  .array(fc.oneof(fc.constantFrom(...NASTY), fc.string({ unit: 'grapheme', maxLength: 20 })), {
    minLength: 1,
    maxLength: 6,
  })
  .map((parts) => `x${parts.join(' ')}x`)
  .filter((one) => !HIDDEN.test(one))

interface Words {
  readonly name: string
  readonly reason: string
  readonly ticket: string
  readonly comment: string
  readonly key: string
  readonly call: string
}

const words = fc.record<Words>({ name: text, reason: text, ticket: text, comment: text, key: text, call: text })

function active({ name, reason, ticket, comment, key, call }: Words): RequestAndGrant {
  const decision = { by: name, as: 'manager', comment, at: '2026-11-22T10:00:00.000Z' }
  const last = [{ kind: 'other' as const, name: call, uri: `s3://b/${key}`, at: '2026-11-22T10:01:00.000Z' }]
  return {
    request: someRequest({ status: 'approved', requester: name, reason, ticket, decision, asked: [name] }),
    grant: someGrant({ requester: name, approver: name, writes: { ...SOME_WRITES, last } }),
  }
}

describe('text of people and of AWS', () => {
  test('stands on the card letter by letter', () => {
    fc.assert(
      fc.property(words, (all) => {
        const textRuns = textsOn(renderCard(active(all), READERS.everybody, PUBLIC_URL).card)
        for (const one of [all.reason, all.ticket, all.comment]) expect(textRuns).toContain(one)
        if (Array.from(all.name).length <= 80)
          expect(textRuns.some((line) => line.startsWith(`${all.name} may `))).toBe(true)
      }),
    )
  })

  test('never stands where it would be read as markdown, as a function, as a link or as a mention', () => {
    const plainly = renderCard(
      active({ name: 'n', reason: 'r', ticket: 't', comment: 'c', key: 'k', call: 'd' }),
      READERS.approver,
      PUBLIC_URL,
    )
    fc.assert(
      fc.property(words, (all) => {
        const { card } = renderCard(active(all), READERS.approver, PUBLIC_URL)
        // Everything except the text runs is the same, whatever was typed.
        expect(markdownOn(card)).toEqual(markdownOn(plainly.card))
        expect(withoutRuns(card)).toEqual(withoutRuns(plainly.card))
        const runs = nodesOfType(card, 'TextRun').map((run) => String(run.text))
        expect(runs.filter((run) => /\{\{(DATE|TIME)\(/i.test(run))).toEqual([])
      }),
    )
  })

  test('is not evaluated in the form either: neither what was filled in nor the problem', () => {
    fc.assert(
      fc.property(words, ({ reason, ticket, key, comment }) => {
        const { card } = renderForm({
          requesterId: 'id',
          entitlements: SOME_OFFERS,
          given: { reason, ticket, below: key },
          problem: comment,
        })
        const values = nodesOfType(card, 'Input.Text').map(({ value }) => value)
        expect(values).toEqual([key, reason, ticket.length > 100 ? values[2] : ticket])
        expect(textsOn(card)).toContain(comment)
      }),
    )
  })

  test('is not evaluated in the list of my access', () => {
    fc.assert(
      fc.property(words, (all) => {
        const request = someRequest({ requester: all.name, scopes: [`s3://b/${all.key}`] })
        const { card } = renderAccess([], [{ request, grant: null }])
        if (Array.from(all.name).length <= 80)
          expect(textsOn(card).some((line) => line.startsWith(`${all.name} asks to `))).toBe(true)
        expect(JSON.stringify(markdownOn(card))).not.toContain(all.name)
      }),
    )
  })

  test('is nowhere on a notice but where the operator is named', () => {
    const renewed = NOTICES['epoch renewed']
    const usual = renderNotice(renewed)
    fc.assert(
      fc.property(text, (name) => {
        const { card, summary } = renderNotice({ ...renewed, by: name })
        expect([markdownOn(card), summary]).toEqual([markdownOn(usual.card), usual.summary])
        expect(textsOn(card)[0]).toContain(Array.from(name).slice(0, 79).join(''))
      }),
    )
  })

  test('cannot forge a line, turn the direction around or hide', () => {
    const reason = 'fine\nApproved by Max\u202egnorts\u2066 \u0000\u200b'
    const { card } = renderCard({ request: someRequest({ reason }), grant: null }, READERS.approver, PUBLIC_URL)
    expect(textsOn(card)).toContain('fine Approved by Max\ufffdgnorts\ufffd \ufffd\ufffd')
  })

  test.each([
    '\u00ad',
    '\u061c',
    '\u115f',
    '\u1160',
    '\u180e',
    '\u200b',
    '\u200c',
    '\u200d',
    '\u2800',
    '\u3164',
    '\uffa0',
    '\u{e0041}',
    '\u{e007f}',
  ])('nothing that cannot be seen tells two keys apart: %j', (hidden) => {
    const scopes = [`s3://b/fin${hidden}ance/`]
    const { card } = renderCard({ request: someRequest({ scopes }), grant: null }, READERS.approver, PUBLIC_URL)
    expect(textsOn(card).join('\n')).toContain('s3://b/fin\ufffdance/')
  })

  test.each(['می‌خواهم', 'ශ්‍රී', '👩‍💻', '👩🏽‍💻', '❤️‍🔥'])('what joiners are made for stays as it is: %s', (reason) => {
    const { card } = renderCard({ request: someRequest({ reason }), grant: null }, READERS.approver, PUBLIC_URL)
    expect(textsOn(card)).toContain(reason)
  })

  test('a function of cards stays text in the official renderer too', () => {
    const { AdaptiveCard } = createRequire(import.meta.url)('adaptivecards/dist/adaptivecards.js')
    const reason = 'at {{TIME(2026-01-01T00:00:00Z)}} and {{DATE(2026-01-01T00:00:00Z, SHORT)}}'
    const { card } = renderCard({ request: someRequest({ reason }), grant: null }, READERS.approver, PUBLIC_URL)
    const parsed = new AdaptiveCard()
    parsed.parse(card)
    expect(textsOn(parsed.toJSON())).toContain(reason)
  })
})

describe('size', () => {
  const LONGEST = 20_000
  const letter = fc.constantFrom('"', '\\', 'a', '{', '}', '\n', '\u0001', '{{DATE(', '{{DATE(2026-01-01T00:00:00Z)}}')
  const long = (length: number) =>
    fc.array(letter, { minLength: length, maxLength: length }).map((parts) => parts.join('').slice(0, length))
  const longest = fc.record({
    name: long(256),
    reason: fc.oneof(long(1000), fc.constant('{{DATE('.repeat(142))),
    comment: fc.oneof(long(1000), fc.constant('{{TIME('.repeat(142))),
    ticket: long(100),
    key: long(1024),
    scopes: fc.constantFrom(
      Array.from({ length: 10 }, (_, n) => `s3://${'b'.repeat(63)}/${'"'.repeat(1022)}${n}/`),
      [`s3://${'b'.repeat(63)}/${'"'.repeat(1023)}/`],
    ),
  })

  test('every card stays below 20,000 characters with the longest that can be typed', () => {
    fc.assert(
      fc.property(longest, ({ name, reason, comment, ticket, key, scopes }) => {
        const people = Array.from({ length: 50 }, () => name)
        const decision = { by: name, as: `group:${'g'.repeat(63)}`, comment, at: '2026-11-22T10:00:00.000Z' }
        const entitlement = 'e'.repeat(63)
        const last = Array.from({ length: 20 }, () => ({
          kind: 'denied' as const,
          name: 'N'.repeat(200),
          uri: `s3://${'b'.repeat(63)}/${key}`,
          at: '2026-11-22T10:01:00.000Z',
        }))
        const more = { requester: name, reason, ticket, scopes, entitlement, asked: people }
        const levels = ['read', 'write', 'delete']
        const ended = { endCause: 'ended-by-approver', endedAt: '2026-11-22T10:30:00.000Z' }
        const grant = someGrant({
          requester: name,
          approver: name,
          scopes,
          levels,
          ...ended,
          writes: { ...SOME_WRITES, last },
        })
        const states: readonly RequestAndGrant[] = [
          { request: someRequest({ ...more, levels }), grant: null },
          { request: someRequest({ ...more, status: 'denied', decision }), grant: null },
          { request: someRequest({ ...more, status: 'approved', decision }), grant },
          { request: someRequest({ ...more, status: 'approved', decision }), grant: { ...grant, status: 'revoked' } },
        ]
        for (const shown of states)
          for (const reader of Object.values(READERS)) {
            const message = renderCard(shown, reader, PUBLIC_URL)
            expect(JSON.stringify(message.card).length, shown.request.status).toBeLessThan(LONGEST)
            expect(message.summary.length).toBeLessThanOrEqual(400)
          }
        const list = Array.from({ length: 100 }, () => states[2] ?? STATES.pending)
        expect(JSON.stringify(renderAccess(list, list).card).length, 'my access').toBeLessThan(LONGEST)
      }),
      { numRuns: 30, endOnFailure: true },
    )
  })

  test('so does the form, for somebody who may ask for very much', () => {
    const entitlements = Array.from({ length: 300 }, (_, n) => ({
      name: `e${n}`,
      scopes: [`s3://${'b'.repeat(63)}/${'"'.repeat(n % 2 === 0 ? 900 : 20)}${n}/`],
      levels: ['read', 'write', 'delete'] as const,
      defaultMinutes: n + 1,
      longestMinutes: n + 600,
    }))
    const given = { below: '"'.repeat(1024), reason: '"'.repeat(1000), ticket: '"'.repeat(100) }
    const { card } = renderForm({ requesterId: 'i'.repeat(36), entitlements, given, problem: '"'.repeat(2000) })
    expect(JSON.stringify(card).length).toBeLessThan(LONGEST)
    expect(markdownOn(card).join('\n')).toContain('You may ask for more than this form can list.')
  })
})

function withoutRuns(card: object): readonly unknown[] {
  return nodesOf(card)
    .filter(({ type }) => type !== 'TextRun' && type !== 'RichTextBlock')
    .map((node) => Object.fromEntries(Object.entries(node).filter(([, value]) => typeof value !== 'object')))
}
