import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { MAIL_SENDER, PEOPLE } from '../../../sandbox/entra/fixture.ts'
import { type EntraOptions, type SandboxEntra, startEntra } from '../../../sandbox/entra/index.ts'
import { renderMail } from '../../../src/cards/approval-mail.ts'
import { graphMailer } from '../../../src/graph/mailer.ts'
import { type Mail, SenderBusy } from '../../../src/messages/message-sender.ts'
import { previewOf } from '../../../src/views/preview.ts'
import type { RequestView } from '../../../src/views/request-view.ts'

/** The content of a mail, and its delivery under faults. */

const PUBLIC_URL = 'https://latchkey.harbour.example'

const ASKED = {
  scopes: ['s3://finance-reports/2026/'],
  levels: ['read', 'write'],
  conditions: { sourceIps: ['203.0.113.0/24'] },
}

const REQUEST: RequestView = {
  id: 'r-0123456789ab',
  status: 'pending',
  version: 'v',
  requester: 'Rita Reyes',
  scopes: ASKED.scopes,
  levels: ASKED.levels,
  preview: previewOf(ASKED, 'for 45 minutes'),
  durationMinutes: 45,
  reason: 'month-end fix',
  ticket: 'FIN-42',
  entitlement: 'finance-reports',
  askedAt: '2026-11-22T08:00:00.000Z',
  lapsesAt: '2026-11-22T20:00:00.000Z',
  asked: ['Max Mertens'],
  decision: null,
  closedAt: null,
  grantId: null,
  warnings: [],
  extends: null,
}

const render = (changes: Partial<RequestView> = {}) =>
  renderMail({ request: { ...REQUEST, ...changes }, grant: null }, PUBLIC_URL)

function textOf(html: string): string {
  const body = /<body[\s\S]*<\/body>/.exec(html)?.[0] ?? ''
  const unescaped = (text: string) => text.replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
  return unescaped(body.replace(/<[^>]+>/g, '\n')).replace(/\s+/g, ' ')
}

const tagsOf = (html: string) => [...html.matchAll(/<\/?([a-z0-9]+)/gi)].map(([, name]) => name)

describe('the mail to an approver', () => {
  test('says who asks for what, why, and until when, in that order', () => {
    const said = textOf(render().html)
    const order = [
      'Rita Reyes asks to read and write in s3://finance-reports/2026/ for 45 minutes.',
      'Can see names, download, upload, overwrite Only from 203.0.113.0/24 Cannot delete, read old versions',
      'month-end fix',
      'FIN-42',
      'Sun 22 November 2026, 20:00 UTC',
      'Review the request',
      'Opening it changes nothing',
      'in Teams',
    ]
    expect(order.map((part) => said.indexOf(part)).filter((at) => at < 0)).toEqual([])
    expect(order.map((part) => said.indexOf(part))).toEqual(
      [...order.map((part) => said.indexOf(part))].sort((a, b) => a - b),
    )
  })

  test('shows every space of a scope', () => {
    const scopes = ['s3://b/a  b/']
    const shown = [...render({ scopes }).html.matchAll(/<(?:h1|p) [^>]*style="([^"]*)"[^>]*>[^<]*a {2}b/g)]
    expect(shown.map(([, style]) => /white-space:pre-wrap/.test(style ?? ''))).toEqual([true, true])
  })

  test('says of an extension that it is one, in the subject and in the heading', () => {
    const { subject, html } = render({ extends: 'g-0123456789ab' })
    const words = 'Rita Reyes asks to keep the right to read and write in s3://finance-reports/2026/'
    expect(subject).toBe(words)
    expect(html).toMatch(new RegExp(`<h1[^>]*>${words} for`))
  })

  test('has exactly one link, to the page: none that decides', () => {
    const { html } = render()
    expect([...html.matchAll(/\b(?:href|src|action)="([^"]+)"/g)].map(([, url]) => url)).toEqual([
      `${PUBLIC_URL}/requests/r-0123456789ab`,
    ])
    expect(html).not.toMatch(/<(?:form|script|img|iframe|object|link)\b/i)
  })

  test('shows what people write as text, whatever they write: no tag, no line and no link more', () => {
    const plainTags = tagsOf(render().html)
    const anything = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.constantFrom('</td></tr></table>', '"><a href="https://evil.example">', '<!--', '\r\nBcc: all@x', '‮txt', 'a!'),
    )
    fc.assert(
      fc.property(anything, anything, anything, anything, (requester, reason, ticket, key) => {
        const { subject, html } = render({ requester, reason, ticket: `T${ticket}`, scopes: [`s3://b/${key}`] })
        expect(tagsOf(html)).toEqual(plainTags)
        expect([...html.matchAll(/href=/g)]).toHaveLength(1)
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these end headers.
        expect(subject).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/)
        expect([...subject].length).toBeLessThanOrEqual(160)
      }),
      { numRuns: 300 },
    )
  })
})

async function withEntra<T>(options: EntraOptions, use: (entra: SandboxEntra) => Promise<T>): Promise<T> {
  const entra = await startEntra(options)
  try {
    return await use(entra)
  } finally {
    await entra.stop()
  }
}

const mailTo = (to = 'max@harbour.example'): Mail => ({ to, ...render(), id: 'c-0123456789ab' })

function failed(sending: Promise<void>): Promise<unknown> {
  return sending.then(
    () => expect.fail('the mail was sent'),
    (error: unknown) => error,
  )
}

describe('through Graph', () => {
  let entra: SandboxEntra
  const lines: object[] = []
  const kept = (data: object) => void lines.push(data)
  const log = { warn: kept, error: kept }
  const mailer = (changes: object = {}) => graphMailer({ ...entra, sender: MAIL_SENDER, log, ...changes })
  beforeAll(async () => {
    entra = await startEntra()
  })
  afterEach(() => entra.faults.heal())
  afterAll(() => entra.stop())

  test('a mail arrives once, whole, with the name of its copy', async () => {
    const before = entra.mails(PEOPLE.max).length
    await mailer().send(mailTo())
    const mail = await entra.waitForMail(PEOPLE.max)
    expect(mail).toMatchObject({
      from: MAIL_SENDER,
      to: ['max@harbour.example'],
      subject: 'Rita Reyes asks to read and write in s3://finance-reports/2026/',
      html: render().html,
      headers: { 'x-latchkey-copy': 'c-0123456789ab' },
    })
    expect(entra.mails(PEOPLE.max).length).toBe(before + 1)
    expect(entra.graphCalls.at(-1)).toMatchObject({
      method: 'POST',
      status: 202,
      path: expect.stringMatching(/sendMail$/),
    })
  })

  test.each([
    [429, 7, 7_000, true],
    [503, undefined, 5_000, true],
    [504, undefined, 5_000, false],
    [500, undefined, 5_000, false],
    [429, 3_600, 300_000, true],
  ])(
    'a %i with Retry-After %s is busy for %i ms, refused: %s, and asked once',
    async (status, after, waitMs, refused) => {
      const fault = { kind: 'status', status, ...(after === undefined ? {} : { retryAfterSeconds: after }) } as const
      entra.faults.fail('graph', fault)
      const before = entra.faults.struck('graph')
      const error = await failed(mailer().send(mailTo()))
      expect(error).toBeInstanceOf(SenderBusy)
      expect(error).toMatchObject({ waitMs, refused })
      expect(entra.faults.struck('graph') - before).toBe(1)
    },
  )

  test('a broken connection may have lost only the answer', async () => {
    entra.faults.fail('graph', { kind: 'down' })
    expect(await failed(mailer().send(mailTo()))).toMatchObject({ name: 'SenderBusy', refused: false })
  })

  test('without a token nothing was sent, and the secret is shown nowhere', async () => {
    const error = await failed(mailer({ clientSecret: 'not-the-secret' }).send(mailTo()))
    expect(error).toMatchObject({ name: 'SenderBusy', refused: true })
    expect(JSON.stringify(lines)).not.toContain('not-the-secret')
  })

  test.each([
    ['another mailbox than was allowed', { sender: 'max@harbour.example' }, 'Mail.Send'],
    ['a mailbox that is not there', { sender: 'nobody@harbour.example' }, 'MAIL_SENDER'],
  ])('from %s nothing goes out, and the sentence says what to do', async (_, changes, words) => {
    const error = await failed(mailer(changes).send(mailTo()))
    // Every person's mails wait until the sender works again; none is given up.
    expect(error).toMatchObject({ name: 'SenderBusy', refused: true })
    expect(lines.at(-1)).toMatchObject({ sentence: expect.stringContaining(words) })
  })

  test('an address without a way is gone', async () => {
    expect(await failed(mailer().send(mailTo('not an address')))).toMatchObject({
      name: 'Unreachable',
      reason: expect.stringContaining('this address'),
    })
  })

  test('a registration without Mail.Send is told so', async () => {
    await withEntra({ graphPermissions: ['User.Read.All'] }, async (other) => {
      const error = await failed(graphMailer({ ...other, sender: MAIL_SENDER, log }).send(mailTo()))
      expect(error).toMatchObject({ name: 'SenderBusy', refused: true })
      expect(lines.at(-2)).toMatchObject({ status: 403, graphCode: 'ErrorAccessDenied' })
      expect(lines.at(-1)).toMatchObject({ sentence: expect.stringContaining('Mail.Send') })
    })
  })
})
