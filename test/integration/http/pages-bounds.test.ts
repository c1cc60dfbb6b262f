import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { type BrowserTab, openPages, textOf } from '../../fixtures/pages.ts'

/** Invariant 13 at the pages: callers before sign-in cause only a limited number of calls to Entra, whatever they send. */

const pagesFixture = await openPages('pages-bounds')
const { entra } = pagesFixture.useCases
const PATH = '/requests/r-0123456789ab'
const REFUSES = { kind: 'status', status: 400 } as const

afterEach(() => {
  vi.useRealTimers()
  entra.faults.heal()
})
afterAll(() => pagesFixture.close())

const asked = () => entra.faults.struck('tokens')

/** A caller who went as far as Entra's page and returns with a code that they made up. */
async function comeBackLater(browser: BrowserTab) {
  const leave = await browser.get(PATH)
  const state = new URL(String(leave.headers.location)).searchParams.get('state')
  const query = new URLSearchParams({ state: state ?? '', code: 'made-up', iss: entra.issuer })
  return () => browser.get(`/sign-in/callback?${query}`)
}

async function strangers(count: number) {
  const app = await pagesFixture.open()
  return Promise.all(Array.from({ length: count }, () => comeBackLater(pagesFixture.tab(app))))
}

/** A caller who keeps the same cookie whenever the server tells them to delete it. */
async function keepComing(app = pagesFixture.app) {
  const browser = pagesFixture.tab(app)
  const comeBack = await comeBackLater(browser)
  const cookies = [...browser.cookies]
  return () => {
    for (const [name, value] of cookies) browser.cookies.set(name, value)
    return comeBack()
  }
}

/** The clock of pauses starts at 0 when it is replaced. */
function later(milliseconds: number): void {
  const nowMs = performance.now()
  vi.useFakeTimers({ toFake: ['performance'] })
  vi.advanceTimersByTime(nowMs + milliseconds)
}

const statuses = (answers: readonly { readonly statusCode: number }[]) => answers.map(({ statusCode }) => statusCode)
const countOf = (status: number, answers: readonly { readonly statusCode: number }[]) =>
  statuses(answers).filter((one) => one === status).length

describe('13: strangers at the pages', () => {
  test('while Entra’s addresses cannot be had, any number of visitors makes us ask for them once', async () => {
    const app = await pagesFixture.open()
    entra.faults.fail('keys', { kind: 'status', status: 500 })
    const before = entra.faults.struck('keys')
    const atOnce = await Promise.all(Array.from({ length: 25 }, () => pagesFixture.tab(app).get(PATH)))
    const later = []
    for (let round = 0; round < 25; round += 1) later.push(await pagesFixture.tab(app).get(PATH))
    expect(new Set(statuses([...atOnce, ...later]))).toEqual(new Set([503]))
    expect(entra.faults.struck('keys') - before).toBe(1)
  })

  test('one sign-in asks Entra once, however often it comes back, at once or later', async () => {
    entra.faults.fail('tokens', REFUSES)
    const before = asked()
    const comeBack = await keepComing()
    const answers = await Promise.all(Array.from({ length: 60 }, comeBack))
    expect([countOf(401, answers), countOf(400, answers)]).toEqual([1, 59])
    later(14 * 60_000)
    expect((await comeBack()).statusCode).toBe(400)
    expect(asked() - before).toBe(1)
  })

  test('many at once: ten ask, the others are told to wait, and keep their sign-in', async () => {
    entra.faults.fail('tokens', { kind: 'slow', milliseconds: 1_500 })
    const before = asked()
    const comeBack = await strangers(40)
    const answers = await Promise.all(comeBack.map((one) => one()))
    expect(asked() - before).toBe(10)
    expect([countOf(401, answers), countOf(503, answers)]).toEqual([10, 30])
    const busy = answers.find(({ statusCode }) => statusCode === 503)
    expect(busy).toMatchObject({ headers: { 'retry-after': '10' }, cookies: [] })
    expect(textOf(busy ?? { body: '' })).toContain('Load this page again in 10 seconds')
  })

  test('whoever was told to wait is signed in by loading the page again', async () => {
    const app = await pagesFixture.open()
    const browser = pagesFixture.tab(app)
    const { id } = await pagesFixture.ask()
    const leave = await browser.get(`/requests/${id}`)
    const back = await browser.signInAtEntra(String(leave.headers.location), 'max')
    const others = await Promise.all(Array.from({ length: 10 }, () => comeBackLater(pagesFixture.tab(app))))
    entra.faults.fail('tokens', { kind: 'slow', milliseconds: 2_000 }, 10)
    const before = asked()
    const answers = others.map((one) => one())
    // All ten wait for Entra now: the next caller is told to wait.
    await vi.waitFor(() => expect(asked() - before).toBe(10), { timeout: 20_000, interval: 10 })
    expect((await browser.get(back)).statusCode).toBe(503)
    await Promise.all(answers)
    expect(await browser.get(back)).toMatchObject({ statusCode: 302, headers: { location: `/requests/${id}` } })
  })

  test('one after the other: 120 ask in a minute, and again when it is over', async () => {
    entra.faults.fail('tokens', REFUSES)
    const before = asked()
    const comeBack = await strangers(124)
    later(0)
    const answers: { readonly statusCode: number }[] = []
    for (const one of comeBack.slice(0, 123)) answers.push(await one())
    expect([countOf(401, answers), countOf(503, answers)]).toEqual([120, 3])
    vi.advanceTimersByTime(60_001)
    expect((await comeBack[123]?.())?.statusCode).toBe(401)
    expect(asked() - before).toBe(121)
  })
})
