import { describe, expect, test } from 'vitest'
import { type CardReader, renderCard } from '../../src/cards/request-card.ts'
import { NOTHING_WRITTEN, PUBLIC_URL, STATES, someGrant, someRequest } from '../fixtures/sample-views.ts'
import { READERS } from './all-cards.ts'
import { buttonsOf, markdownOn, nodesOf, textsOn } from './read-card.ts'

type State = keyof typeof STATES

const NONE = { requester: ['open'], approver: ['open'], everybody: ['open'] }
const ASKED = { requester: ['cancel', 'open'], approver: ['approve', 'deny', 'open'], everybody: ['open'] }
const LIVE = { requester: ['done', 'open'], approver: ['done', 'open'], everybody: ['open'] }

const BUTTONS: Readonly<Record<State, Readonly<Record<CardReader['role'], readonly string[]>>>> = {
  pending: ASKED,
  'pending, purge': ASKED,
  'extension, asked': ASKED,
  'extension, approved': NONE,
  'extension, denied': NONE,
  approved: NONE,
  denied: NONE,
  cancelled: NONE,
  lapsed: NONE,
  activating: NONE,
  active: LIVE,
  'active, taken': LIVE,
  'active, taken elsewhere too': LIVE,
  'active, nothing seen': LIVE,
  'active, purge': LIVE,
  'active, attached': LIVE,
  revoking: NONE,
  expired: NONE,
  'expired, nothing seen': NONE,
  'done early': NONE,
  'ended by the approver': NONE,
  failing: NONE,
  failed: NONE,
}

function cardOf(state: State, role: CardReader['role']): object {
  return renderCard(STATES[state], READERS[role], PUBLIC_URL).card
}

function textOf(card: object): string {
  return [...markdownOn(card), ...textsOn(card)].join('\n')
}

describe('invariant 2: a card offers only what its reader may try', () => {
  const rows = Object.entries(BUTTONS).flatMap(([state, of]) =>
    Object.entries(of).map(([role, buttons]) => ({ state, role, buttons })),
  )
  test.each(rows)('$state, for the $role: $buttons', ({ state, role, buttons }) => {
    const shown = Object.entries(STATES).find(([name]) => name === state)?.[1] ?? STATES.pending
    const reader = Object.values(READERS).find((one) => one.role === role) ?? READERS.everybody
    expect(buttonsOf(renderCard(shown, reader, PUBLIC_URL).card)).toEqual(buttons)
  })

  test('what AWS may refuse all the same is told to whoever asks and to whoever decides', () => {
    const warnings = ['The policy of finance-reports refuses some of this.']
    const shown = { ...STATES.pending, request: someRequest({ warnings }) }
    for (const reader of Object.values(READERS))
      expect(textOf(renderCard(shown, reader, PUBLIC_URL).card)).toContain('refuses some of this')
  })

  test('an extension that was refused says that it takes nothing away', () => {
    for (const reader of Object.values(READERS)) {
      const textRuns = (state: State) => textOf(renderCard(STATES[state], reader, PUBLIC_URL).card)
      expect(textRuns('extension, denied')).toContain('What was granted before is not changed by this.')
      expect(textRuns('denied')).not.toContain('granted before')
    }
  })

  test('nobody is offered the review of their own request', () => {
    for (const state of Object.keys(BUTTONS)) {
      const shown = Object.entries(STATES).find(([name]) => name === state)?.[1] ?? STATES.pending
      const { card } = renderCard(shown, READERS.requester, PUBLIC_URL)
      expect(buttonsOf(card)).not.toContain('approve')
      expect(buttonsOf(card)).not.toContain('deny')
    }
  })

  test('a review says which content it is a yes to, and nothing of who may give it', () => {
    const reviews = nodesOf(cardOf('pending', 'approver')).filter(({ verb }) => verb === 'approve' || verb === 'deny')
    const { id, version } = someRequest()
    expect(reviews.map(({ data }) => data)).toEqual([
      { requestId: id, version },
      { requestId: id, version },
    ])
  })

  test('what the card cannot show whole is not approved on it', () => {
    const scopes = ['a', 'b', 'c', 'd'].map((name) => `s3://finance-reports/${name.repeat(1000)}/`)
    const { card } = renderCard({ request: someRequest({ scopes }), grant: null }, READERS.approver, PUBLIC_URL)
    expect(buttonsOf(card)).toEqual(['deny', 'open'])
    expect(textOf(card)).toContain('Open the request in the browser to see it whole')
  })
})

describe('invariant 10: a card tells the state of the record', () => {
  test.each(['approved', 'denied', 'cancelled', 'lapsed'] as const)(
    'a decided card keeps no button and no input: %s',
    (state) => {
      for (const role of ['requester', 'approver', 'everybody'] as const) {
        const card = cardOf(state, role)
        expect(buttonsOf(card)).toEqual(['open'])
        expect(nodesOf(card).filter(({ type }) => String(type).startsWith('Input.'))).toEqual([])
      }
    },
  )

  test.each(['approved', 'denied', 'active', 'expired'] as const)(
    'says who decided, when, and the comment: %s',
    (state) => {
      const text = textOf(cardOf(state, 'requester'))
      expect(text).toContain('Max Mertens, as manager')
      expect(text).toContain('{{DATE(2026-11-22T10:00:00Z, SHORT)}}')
      expect(text).toContain(STATES[state].request.decision?.comment)
    },
  )

  test.each([
    ['pending', 'approver', 'Your decision is needed'],
    ['pending', 'requester', 'Waiting for a decision'],
    ['activating', 'requester', 'Approved; access is being set up'],
    ['active', 'requester', 'Access is active'],
    ['revoking', 'everybody', 'Access is ending'],
    ['expired', 'requester', 'Access expired on time'],
    ['done early', 'approver', 'Access was revoked early'],
    ['failing', 'requester', 'Access could not be set up'],
    ['failed', 'requester', 'Access could not be set up'],
  ] as const)('%s, for the %s, in words: %s', (state, role, title) => {
    expect(markdownOn(cardOf(state, role))[0]).toBe(title)
    expect(renderCard(STATES[state], READERS[role], PUBLIC_URL).summary).toMatch(`${title}: `)
  })

  test.each(['cancelled', 'lapsed'] as const)('without a decision it says when that was: %s', (state) => {
    expect(textOf(cardOf(state, 'approver'))).toContain('{{DATE(2026-11-22T10:01:00Z, SHORT)}}')
  })

  test('an approved request whose grant is told elsewhere claims nothing about it', () => {
    const text = textOf(cardOf('approved', 'requester'))
    expect(text).not.toMatch(/being set up|active|could not/)
  })

  test('a failed activation says what went wrong and what to do', () => {
    const text = textOf(cardOf('failed', 'requester'))
    expect(text).toContain('Nobody could use it, and nothing is left in AWS. You can ask again.')
    expect(text).toContain('AWS refused to set it up')
  })

  test.each([
    ['done', 'Rita Reyes, who was done'],
    ['ended-by-approver', 'Max Mertens, who had approved it'],
    ['ended-by-owner', 'An owner of Latchkey'],
    ['no-longer-eligible', 'no longer let Rita Reyes have this'],
    ['some-new-cause', 'Latchkey (some-new-cause)'],
  ])('an early end says who ended it: %s', (endCause, sentence) => {
    const ended = { status: 'revoked', endCause, endedAt: '2026-11-22T10:22:00.000Z' } as const
    const shown = { request: STATES.active.request, grant: someGrant(ended) }
    const text = textOf(renderCard(shown, READERS.requester, PUBLIC_URL).card)
    expect(text).toContain(sentence)
    expect(text).toContain('22 minutes of 45 minutes')
  })

  test('the same record gives the same card, to the letter', () => {
    for (const shown of Object.values(STATES))
      for (const reader of Object.values(READERS)) {
        const [first, second] = [0, 1].map(() => JSON.stringify(renderCard(structuredClone(shown), reader, PUBLIC_URL)))
        expect(first).toBe(second)
      }
  })

  test('while something may still come, clients ask for the present state; afterwards nobody does', () => {
    const refreshOf = (state: State, role: CardReader['role']) => Reflect.get(cardOf(state, role), 'refresh')
    const action = { verb: 'view', data: { requestId: someRequest().id } }
    expect(refreshOf('pending', 'everybody')).toMatchObject({ action, userIds: ['29:rita'] })
    expect(refreshOf('pending', 'approver')).toMatchObject({ action })
    expect(refreshOf('pending', 'approver')).not.toHaveProperty('userIds')
    expect(refreshOf('denied', 'approver')).toMatchObject({ action, userIds: [] })
    expect(refreshOf('expired', 'everybody')).toMatchObject({ action, userIds: [] })
  })

  test('times are whole seconds in a form that every client turns into its own time zone', () => {
    for (const state of Object.keys(BUTTONS)) {
      const shown = Object.entries(STATES).find(([name]) => name === state)?.[1] ?? STATES.pending
      const text = markdownOn(renderCard(shown, READERS.approver, PUBLIC_URL).card).join('\n')
      const used = [...text.matchAll(/\{\{(DATE|TIME)\(([^,)]*)/g)].map(([, , at]) => at)
      expect(used.filter((at) => !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(at ?? ''))).toEqual([])
      expect(text).not.toMatch(/\d\.\d{3}Z/)
    }
  })
})

describe('invariant 12: the writes on a card prove that something happened, never that nothing did', () => {
  test('without any it says that none were seen, and what that means', () => {
    for (const state of ['active, nothing seen', 'expired, nothing seen'] as const) {
      const text = textOf(cardOf(state, 'everybody'))
      expect(text).toMatch(/No writes seen( yet)?\./)
      expect(text).toContain('It shows what was seen, not that there was nothing else.')
      expect(text).not.toMatch(/nothing was written|no writes were made|wrote nothing/i)
    }
  })

  test('counts by kind, bytes, and the five latest keys with their end', () => {
    const card = cardOf('active', 'everybody')
    expect(textOf(card)).toContain('12 written · 1 deleted · 2 refused by AWS · at least 48.2 MB')
    const keys = textsOn(card).filter((text) => /^(\w+ )?s3:/.test(text))
    expect(keys).toHaveLength(5)
    expect(keys[0]).toBe('s3://finance-reports/2026/q3/ledger.csv')
    expect(keys[1]).toBe('DeleteObject s3://finance-reports/2025/q4/ledger.csv')
    expect(keys[3]).toMatch(/^s3:\/\/finance-reports\/2026\/.*….*\.snappy\.parquet$/)
  })

  test('a grant that nobody could use has no writes to show', () => {
    const never = someGrant({
      status: 'revoked',
      activatedAt: null,
      endCause: 'approval-void',
      writes: NOTHING_WRITTEN,
    })
    const { card } = renderCard({ request: STATES.active.request, grant: never }, READERS.approver, PUBLIC_URL)
    expect(textOf(card)).not.toContain('Writes')
  })
})

describe('invariant 11: how to use it', () => {
  test('the requester is told the commands, and nobody a credential or a sign-in link', () => {
    expect(textOf(cardOf('active', 'requester'))).toContain('latchkey profile g-0123456789ab')
    expect(textOf(cardOf('active', 'everybody'))).not.toContain('latchkey profile')
    const attached = textOf(cardOf('active, attached', 'requester'))
    expect(attached).toContain('Use it with the AWS credentials you have')
    expect(attached).not.toContain('latchkey profile')
    expect(textOf(cardOf('active, attached', 'everybody'))).not.toContain('credentials you have')
    for (const role of ['requester', 'approver', 'everybody'] as const)
      expect(JSON.stringify(cardOf('active', role))).not.toMatch(/AKIA|ASIA|SessionToken|SecretAccessKey|X-Amz-|signin/)
  })
})

describe('where credentials were taken to', () => {
  test('is told with its first time, once and calmly while it is one address', () => {
    const textRuns = textOf(cardOf('active, taken', 'requester'))
    expect(textRuns).toContain('Taken from 198.51.100.7')
    expect(textRuns).toContain('First {{DATE(2026-11-22T10:02:00Z, SHORT)}} at {{TIME(2026-11-22T10:02:00Z)}}')
    expect(textRuns).not.toContain('somebody else')
    expect(textOf(cardOf('active', 'requester'))).not.toContain('Taken from')
  })

  test('a second address asks for a look, with what to do', () => {
    for (const role of ['requester', 'approver', 'everybody'] as const) {
      const card = cardOf('active, taken elsewhere too', role)
      expect(textOf(card)).toContain('Also taken from 203.0.113.9, and 1 more')
      expect(textOf(card)).toContain('If that was somebody else, end the access.')
      expect(nodesOf(card)).toContainEqual(expect.objectContaining({ color: 'Attention', weight: 'Bolder' }))
    }
  })
})
