import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { PEOPLE } from '../../../sandbox/entra/fixture.ts'
import { reviewAccessRequest } from '../../../src/access-requests/review/review-access-request.ts'
import { entraSignIn } from '../../../src/entra/sign-in.ts'
import { fieldsOf, openPages, PUBLIC_URL, SECRETS, textOf } from '../../fixtures/pages.ts'
import { dump } from '../../fixtures/redis-record.ts'

/** Invariants 2 and 13 at the pages: a caller who is not signed in, is not an approver, or comes from another site's form changes nothing. */

const pagesFixture = await openPages('pages')
const { useCases, ask, tab } = pagesFixture
const { record, entra } = useCases

afterEach(() => {
  vi.useRealTimers()
  entra.faults.heal()
})
afterAll(() => pagesFixture.close())

const statusOf = async (id: string) => Object(await record.read('request', id)).value.status
const path = (id: string) => `/requests/${id}`
const MINUTES_MS = 60_000

/** The clock of pauses starts at 0 when it is replaced. */
function later(milliseconds: number): void {
  const nowMs = performance.now()
  vi.useFakeTimers({ toFake: ['performance'] })
  vi.advanceTimersByTime(nowMs + milliseconds)
}

describe('without a session', () => {
  test('the link leads to Entra, with state, nonce and PKCE, and shows nothing', async () => {
    const { id } = await ask()
    const answer = await tab().get(path(id))
    expect(answer).toMatchObject({ statusCode: 302, body: '' })
    const link = new URL(String(answer.headers.location))
    expect(link.origin).toBe(entra.authority)
    expect(Object.fromEntries(link.searchParams)).toEqual({
      redirect_uri: `${PUBLIC_URL}/sign-in/callback`,
      scope: 'openid profile',
      response_type: 'code',
      client_id: entra.clientId,
      state: expect.stringMatching(/^.{43}$/),
      nonce: expect.stringMatching(/^.{43}$/),
      code_challenge: expect.stringMatching(/^.{43}$/),
      code_challenge_method: 'S256',
    })
  })

  test('a request that is not there leads to Entra just the same', async () => {
    const { id } = await ask()
    const [real, missing] = await Promise.all([tab().get(path(id)), tab().get(path('r-000000000000'))])
    const shape = ({ statusCode, headers }: typeof real) => [statusCode, Object.keys(headers).sort()]
    expect(shape(missing)).toEqual(shape(real))
  })

  test.each(['/requests/r-1', '/requests/g-000000000000', '/requests/..%2f..%2fevil', '/requests/%2F%2Fevil.example'])(
    '%s is no request, and nobody is sent anywhere for it',
    async (url) => {
      const answer = await tab().get(url)
      expect(answer.statusCode).toBe(404)
      expect(answer.headers.location).toBeUndefined()
    },
  )

  test('a form is refused before it is read, and nothing is stored', async () => {
    const { id } = await ask()
    const before = await dump(await useCases.fixture.open('request'), useCases.fixture.prefix)
    const refused = await pagesFixture.refused()
    const answer = await tab().post(path(id), { csrf: 'x', version: 'x', decision: 'approve', comment: '' })
    expect(answer).toMatchObject({ statusCode: 401, headers: { connection: 'close' } })
    expect(await pagesFixture.refused()).toBe(refused + 1)
    expect(await dump(await useCases.fixture.open('request'), useCases.fixture.prefix)).toEqual(before)
  })
})

describe('signed in', () => {
  test('whoever was asked sees the request whole, and decides by the form', async () => {
    const { id } = await ask()
    const browser = tab()
    const page = await browser.signedIn('max', id)
    expect(textOf(page)).toContain('Rita Reyes asks to write in s3://finance-reports/2026/ for 30 minutes.')
    expect(textOf(page)).toContain('month-end')
    const answer = await browser.post(path(id), { ...fieldsOf(page), decision: 'approve', comment: 'Fine\r\nby me' })
    expect(answer).toMatchObject({ statusCode: 303, headers: { location: path(id) } })
    const decided = await browser.get(path(id))
    expect(textOf(decided)).toContain('Approved by Max Mertens as manager')
    expect(textOf(decided)).toContain('Fine by me')
    expect(decided.body).not.toContain('name="decision"')
    expect(await statusOf(id)).toBe('approved')
    expect(await useCases.events('request.approved')).toMatchObject([
      { requestId: id, actor: { objectId: PEOPLE.max } },
    ])
  })

  test('a no is a no', async () => {
    const { id } = await ask()
    const browser = tab()
    const fields = fieldsOf(await browser.signedIn('dana', id))
    await browser.post(path(id), { ...fields, decision: 'deny', comment: 'Not this month' })
    expect(textOf(await browser.get(path(id)))).toContain('Denied by Dana Okafor as group:data-owners')
    expect(await statusOf(id)).toBe('denied')
  })

  test('2: the requester sees the state and no form; sending one is refused', async () => {
    const { id } = await ask()
    const browser = tab()
    const page = await browser.signedIn('rita', id)
    expect(textOf(page)).toContain('somebody else was asked')
    expect(page.body).not.toContain('name="decision"')
    const { csrf } = fieldsOf(page)
    const { version } = fieldsOf(await tab().signedIn('max', id))
    const answer = await browser.post(path(id), { csrf, version, decision: 'approve', comment: '' })
    expect(answer.statusCode).toBe(403)
    expect(textOf(answer)).toContain('Nobody approves their own request')
    expect(await statusOf(id)).toBe('pending')
  })

  test('13: to somebody else it is missing: the same page, byte for byte, by GET and by POST', async () => {
    const { id } = await ask()
    const browser = tab()
    const forbidden = await browser.signedIn('oona', id)
    const missing = await browser.get(path('r-000000000000'))
    expect(forbidden.statusCode).toBe(404)
    expect(forbidden.body).toBe(missing.body)
    expect(forbidden.body).not.toContain('Rita')
    const form = { ...fieldsOf(forbidden), version: 'x', decision: 'approve', comment: '' }
    const posts = [await browser.post(path(id), form), await browser.post(path('r-000000000000'), form)]
    expect(posts.map(({ statusCode }) => statusCode)).toEqual([404, 404])
    expect(posts[0]?.body).toBe(posts[1]?.body)
    expect(await statusOf(id)).toBe('pending')
  })

  test('13: a page knows no app roles: an Owner who was not asked sees as much as anybody else', async () => {
    const { appRoles } = entra.tenant.person(PEOPLE.oona) ?? { appRoles: [] }
    entra.tenant.change(PEOPLE.oona, { appRoles: ['Latchkey.Owner'] })
    const { id } = await ask()
    const page = await tab().signedIn('oona', id)
    entra.tenant.change(PEOPLE.oona, { appRoles })
    expect(page.statusCode).toBe(404)
  })

  test.each(['approve', 'deny'])('2: a GET decides nothing, whatever its query says: %s', async (decision) => {
    const { id } = await ask()
    const browser = tab()
    const { csrf, version } = fieldsOf(await browser.signedIn('max', id))
    const query = new URLSearchParams({ csrf, version, decision, comment: '' })
    const answer = await browser.get(`${path(id)}?${query}`)
    expect(answer.statusCode).toBe(200)
    expect(textOf(answer)).toContain('Waiting for a decision')
    expect(await statusOf(id)).toBe('pending')
  })

  test('whoever comes second is told who decided, and when', async () => {
    const { id } = await ask()
    const browser = tab()
    const fields = fieldsOf(await browser.signedIn('max', id))
    await reviewAccessRequest(useCases.deps, useCases.as('dana'), id, { decision: 'deny', comment: 'no' })
    const answer = await browser.post(path(id), { ...fields, decision: 'approve', comment: '' })
    expect(answer.statusCode).toBe(409)
    expect(textOf(answer)).toMatch(
      /This request was already denied by Dana Okafor at \w{3} \d+ \w+ \d{4}, \d\d:\d\d UTC/,
    )
    expect(await statusOf(id)).toBe('denied')
  })

  test('2: a yes to something else than what was shown is no yes', async () => {
    const [{ id }, other] = [await ask(), await ask('finn')]
    const browser = tab()
    const { csrf } = fieldsOf(await browser.signedIn('max', id))
    const { version } = fieldsOf(await browser.get(path(other.id)))
    const answer = await browser.post(path(id), { csrf, version, decision: 'approve', comment: '' })
    expect(answer.statusCode).toBe(409)
    expect(await statusOf(id)).toBe('pending')
  })

  test('while the directory does not answer nothing is decided, and what was typed stays', async () => {
    const { id } = await ask()
    const browser = tab()
    const fields = fieldsOf(await browser.signedIn('max', id))
    entra.faults.fail('graph', { kind: 'down' })
    const answer = await browser.post(path(id), { ...fields, decision: 'approve', comment: 'as <agreed> & "said"' })
    expect(answer.statusCode).toBe(503)
    expect(textOf(answer)).toContain('Nothing was changed. Try again')
    expect(textOf(answer)).toContain('as <agreed> & "said"')
    expect(await statusOf(id)).toBe('pending')
  })

  test('what people write is text: no tag of theirs reaches the page', async () => {
    const reason = '<img src=x onerror=alert(1)> </textarea><script>alert(2)</script>'
    entra.tenant.change(PEOPLE.nils, { displayName: 'Nils <b>Novak</b>' })
    const { id } = await ask('nils', 's3://finance-reports/<script>/')
    const browser = tab()
    const fields = fieldsOf(await browser.signedIn('dana', id))
    await browser.post(path(id), { ...fields, decision: 'deny', comment: reason })
    const { body } = await browser.get(path(id))
    expect(body).not.toMatch(/<script|<img|<b>/)
    expect(textOf({ body })).toContain('<img src=x onerror=alert(1)>')
    entra.tenant.change(PEOPLE.nils, { displayName: 'Nils Novak' })
  })

  test('signing out ends it', async () => {
    const { id } = await ask()
    const browser = tab()
    const page = await browser.signedIn('max', id)
    expect((await browser.post('/sign-out', { csrf: 'no' })).statusCode).toBe(403)
    expect((await browser.post('/sign-out', { csrf: fieldsOf(page).csrf })).statusCode).toBe(200)
    expect((await browser.get(path(id))).statusCode).toBe(302)
  })
})

describe('13: a form that did not come from here', () => {
  const foreign = [
    ['another origin', { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' }],
    ['a neighbour below the same domain', { origin: 'https://evil.harbour.example', 'sec-fetch-site': 'same-site' }],
    ['the same host without TLS', { origin: PUBLIC_URL.replace('https', 'http'), 'sec-fetch-site': 'cross-site' }],
    ['no origin', { origin: undefined }],
    ['no origin, from another site', { origin: undefined, 'sec-fetch-site': 'cross-site' }],
    ['an opaque origin', { origin: 'null' }],
    ['an opaque origin, from another site', { origin: 'null', 'sec-fetch-site': 'cross-site' }],
    ['no page at all', { origin: undefined, 'sec-fetch-site': 'none' }],
  ] as const
  test.each(foreign)('is refused: %s', async (_, headers) => {
    const { id } = await ask()
    const browser = tab()
    const fields = fieldsOf(await browser.signedIn('max', id))
    const answer = await browser.post(path(id), { ...fields, decision: 'approve', comment: '' }, headers)
    expect(answer.statusCode).toBe(403)
    expect(textOf(answer)).toContain('Nothing was changed')
    expect(await statusOf(id)).toBe('pending')
  })

  test.each(['null', undefined])('is taken with origin %s when the browser vouches for the page', async (origin) => {
    const { id } = await ask()
    const browser = tab()
    const fields = fieldsOf(await browser.signedIn('max', id))
    const headers = { origin, 'sec-fetch-site': 'same-origin' }
    const answer = await browser.post(path(id), { ...fields, decision: 'deny', comment: '' }, headers)
    expect(answer.statusCode).toBe(303)
  })

  test('is refused without the token of this session, and with that of another one', async () => {
    const { id } = await ask()
    const browser = tab()
    const { version } = fieldsOf(await browser.signedIn('max', id))
    const { csrf } = fieldsOf(await tab().signedIn('max', id))
    const form = { version, decision: 'approve', comment: '' }
    expect((await browser.post(path(id), { ...form, csrf })).statusCode).toBe(403)
    expect((await browser.post(path(id), { ...form, csrf: '' })).statusCode).toBe(403)
    expect((await browser.post(path(id), form)).statusCode).toBe(400)
    expect(await statusOf(id)).toBe('pending')
  })

  test('is refused as anything but a form, too long, or incomplete', async () => {
    const { id } = await ask()
    const browser = tab()
    const fields = { ...fieldsOf(await browser.signedIn('max', id)), decision: 'approve' }
    const json = await browser.post(path(id), fields, { 'content-type': 'application/json' })
    const long = await browser.post(path(id), { ...fields, comment: 'x'.repeat(20_000) })
    const longer = await browser.post(path(id), { ...fields, comment: 'x'.repeat(1_001) })
    const incomplete = await browser.post(path(id), fields)
    expect([json, long, longer, incomplete].map(({ statusCode }) => statusCode)).toEqual([415, 413, 400, 400])
    expect(await statusOf(id)).toBe('pending')
  })
})

describe('13: a sign-in', () => {
  test('is taken once: its redirect, opened again, signs nobody in', async () => {
    const { id } = await ask()
    const browser = tab()
    const leave = await browser.get(path(id))
    const pending = new Map(browser.cookies)
    const back = await browser.signInAtEntra(String(leave.headers.location), 'max')
    expect((await browser.get(back)).statusCode).toBe(302)
    expect((await browser.get(back)).statusCode).toBe(400)
    const thief = tab()
    for (const [name, value] of pending) thief.cookies.set(name, value)
    expect((await thief.get(back)).statusCode).toBe(400)
    expect((await thief.get(path(id))).statusCode).toBe(302)
  })

  test('begun by somebody else signs nobody in here: the state is not of this browser', async () => {
    const { id } = await ask()
    const [attacker, victim] = [tab(), tab()]
    const leave = await attacker.get(path(id))
    const back = await attacker.signInAtEntra(String(leave.headers.location), 'oona')
    expect((await victim.get(back)).statusCode).toBe(400)
    await victim.get(path(id))
    expect((await victim.get(back)).statusCode).toBe(401)
    expect([...victim.cookies.keys()]).not.toContain('__Host-latchkey-session')
  })

  test('with another state than was sent is refused before Entra is asked', async () => {
    const { id } = await ask()
    const browser = tab()
    const leave = await browser.get(path(id))
    const back = await browser.signInAtEntra(String(leave.headers.location), 'max')
    const forged = back.replace(/state=[^&]+/, `state=${'A'.repeat(43)}`)
    entra.faults.fail('tokens', { kind: 'down' })
    const answer = await browser.get(forged)
    expect(answer.statusCode).toBe(401)
    expect(browser.cookies.size).toBe(0)
  })

  test('that was cancelled says so and offers the way back', async () => {
    const { id } = await ask()
    const browser = tab()
    const leave = await browser.get(path(id))
    const back = await entra.signIn('', String(leave.headers.location))
    const answer = await browser.get(`${back.pathname}${back.search}`)
    expect(answer.statusCode).toBe(401)
    expect(answer.body).toContain(`href="${path(id)}"`)
  })

  test.each([
    ['of another tenant, even under our issuer', { tid: '0f0e0d0c-0b0a-4908-8706-050403020100' }],
    ['of nobody', { oid: undefined }],
    ['of a name instead of an id', { oid: 'max@harbour.example' }],
    ['of version 1', { ver: '1.0' }],
  ])('with an ID token %s is refused', async (_, claims) => {
    const { id } = await ask()
    const browser = tab()
    const leave = await browser.get(path(id))
    entra.misstate(claims)
    const back = await browser.signInAtEntra(String(leave.headers.location), 'max')
    const answer = await browser.get(back)
    entra.misstate({})
    expect(answer.statusCode).toBe(401)
    expect((await browser.get(path(id))).statusCode).toBe(302)
  })

  test.each([
    ['what it began with is taken', {}, true],
    ['another state', { state: 'A'.repeat(43) }, false],
    ['another nonce', { nonce: 'A'.repeat(43) }, false],
    ['another PKCE verifier', { codeVerifier: 'A'.repeat(43) }, false],
  ])('is finished only with what it began with: %s', async (_, changes, isTaken) => {
    const redirectUri = `${PUBLIC_URL}/sign-in/callback`
    const signIn = entraSignIn({ ...entra, redirectUri, log: useCases.fixture.log })
    const { link, started } = await signIn.begin()
    const back = await entra.signIn(PEOPLE.max, link)
    const finished = signIn.finish(back.search.slice(1), { ...started, ...changes })
    if (isTaken) await expect(finished).resolves.toMatchObject({ objectId: PEOPLE.max, name: 'Max Mertens' })
    else await expect(finished).rejects.toMatchObject({ code: 'NOT_SIGNED_IN' })
  })

  test.each([
    ['access_denied', 'access_denied'],
    ['rita@harbour.example has the key AKIA', 'not-a-code'],
    ['x'.repeat(41), 'not-a-code'],
    ['access_denied\n', 'not-a-code'],
  ])('that comes back with the error %j leaves only a code in the log', async (error, reason) => {
    const logged: object[] = []
    const log = { info: (data: object) => void logged.push(data) }
    const signIn = entraSignIn({ ...entra, redirectUri: `${PUBLIC_URL}/sign-in/callback`, log })
    const { started } = await signIn.begin()
    const query = new URLSearchParams({ error, state: started.state, iss: entra.issuer })
    await expect(signIn.finish(query.toString(), started)).rejects.toMatchObject({ code: 'NOT_SIGNED_IN' })
    expect(logged).toEqual([{ reason }])
  })

  test('waits while Entra does not answer, and says so', async () => {
    const { id } = await ask()
    const app = await pagesFixture.open()
    entra.faults.fail('keys', { kind: 'down' })
    const answer = await pagesFixture.tab(app).get(path(id))
    expect(answer.statusCode).toBe(503)
    expect(answer.headers['retry-after']).toBe('5')
    expect(textOf(answer)).toContain('Try again in 5 seconds')
    entra.faults.heal()
    later(2_001)
    expect((await pagesFixture.tab(app).get(path(id))).statusCode).toBe(302)
  })

  test('leads back to the request that was opened, and to nowhere else', async () => {
    const { id } = await ask()
    const browser = tab()
    const leave = await browser.get(`${path(id)}?next=https://evil.example&returnPath=//evil.example`)
    const back = await browser.signInAtEntra(String(leave.headers.location), 'max')
    const answer = await browser.get(`${back}&returnPath=https://evil.example`)
    expect(answer.headers.location).toBe(path(id))
  })
})

describe('13: a session', () => {
  test('is a cookie for this host only, out of reach of scripts, and of other sites’ forms', async () => {
    const { id } = await ask()
    const browser = tab()
    const leave = await browser.get(path(id))
    const back = await browser.get(await browser.signInAtEntra(String(leave.headers.location), 'max'))
    const common = { path: '/', httpOnly: true, secure: true, sameSite: 'Lax' }
    expect(leave.cookies).toMatchObject([{ ...common, name: '__Host-latchkey-sign-in', maxAge: 900 }])
    expect(back.cookies).toMatchObject([
      { ...common, name: '__Host-latchkey-sign-in', maxAge: 0 },
      { ...common, name: '__Host-latchkey-session', maxAge: 2_700 },
    ])
    expect([...leave.cookies, ...back.cookies].every(({ domain }) => domain === undefined)).toBe(true)
  })

  test('is over after its time', async () => {
    const { id } = await ask()
    const browser = tab()
    await browser.signedIn('max', id)
    const nowMs = Date.now()
    vi.useFakeTimers({ toFake: ['Date'], now: nowMs + 44 * MINUTES_MS })
    expect((await browser.get(path(id))).statusCode).toBe(200)
    vi.setSystemTime(nowMs + 46 * MINUTES_MS)
    expect((await browser.get(path(id))).statusCode).toBe(302)
  })

  test('that was changed, or is something else of ours, is none', async () => {
    const { id } = await ask()
    const browser = tab()
    await browser.get(path(id))
    const other = browser.cookies.get('__Host-latchkey-sign-in') ?? ''
    await browser.signedIn('max', id)
    const name = '__Host-latchkey-session'
    const good = browser.cookies.get(name) ?? ''
    const at = Math.floor(good.length / 2)
    const changed = `${good.slice(0, at)}${good[at] === 'A' ? 'B' : 'A'}${good.slice(at + 1)}`
    for (const wrong of [changed, other, '', 'Fe26.2*1*a*b*c**d*e~2', good.replace('~', 'x~'), 'x'.repeat(5_000)]) {
      browser.cookies.set(name, wrong)
      expect((await browser.get(path(id))).statusCode).toBe(302)
    }
    browser.cookies.set(name, good)
    expect((await browser.get(path(id))).statusCode).toBe(200)
  })

  test('outlives a change of LATCHKEY_SECRET while the previous one is named, and no longer', async () => {
    const { id } = await ask()
    const browser = tab()
    await browser.signedIn('max', id)
    const next = '6f'.repeat(32)
    const both = pagesFixture.tab(await pagesFixture.open({ secrets: [next, ...SECRETS] }))
    const onlyNext = pagesFixture.tab(await pagesFixture.open({ secrets: [next] }))
    for (const [name, value] of browser.cookies) {
      both.cookies.set(name, value)
      onlyNext.cookies.set(name, value)
    }
    expect((await both.get(path(id))).statusCode).toBe(200)
    expect((await onlyNext.get(path(id))).statusCode).toBe(302)
  })

  test('on a loopback address without TLS has a name without the prefix', async () => {
    const { id } = await ask()
    const publicUrl = 'http://127.0.0.1:3978'
    const browser = pagesFixture.tab(await pagesFixture.open({ publicUrl }))
    const page = await browser.signedIn('max', id)
    expect([...browser.cookies.keys()]).toEqual(['latchkey-session'])
    const form = { ...fieldsOf(page), decision: 'deny', comment: '' }
    expect((await browser.post(path(id), form, { origin: publicUrl })).statusCode).toBe(303)
  })
})

describe('every page', () => {
  test('is kept by nobody, framed by nobody, and runs nothing', async () => {
    const { id } = await ask()
    const browser = tab()
    const answers = [
      await browser.get(path(id)),
      await browser.get('/requests/r-1'),
      await tab().get('/sign-in/callback?code=x&state=y'),
      await browser.signedIn('max', id),
      await browser.post(path(id), {}, { origin: 'https://evil.example' }),
    ]
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([302, 404, 400, 200, 403])
    for (const { headers, body } of answers) {
      expect(headers).toMatchObject({
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        'x-robots-tag': 'noindex',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
      })
      expect(headers['content-security-policy']).toMatch(
        /^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$/,
      )
      expect(body).not.toMatch(/<script| on[a-z]+=|javascript:| style=/i)
    }
  })

  test('leaves what is not a page as it was: JSON', async () => {
    expect((await pagesFixture.app.inject('/api/v1/nothing')).json()).toMatchObject({ error: { code: 'NOT_FOUND' } })
    const post = { method: 'POST', url: '/api/v1/requests', payload: 'a=b' } as const
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    expect((await pagesFixture.app.inject({ ...post, headers })).headers['content-type']).toContain('application/json')
  })
})
