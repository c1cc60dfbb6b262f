import { AxeBuilder } from '@axe-core/playwright'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { MAIL_SENDER, PEOPLE } from '../../sandbox/entra/fixture.ts'
import { readRequest } from '../../src/access-requests/access-request.ts'
import { reviewAccessRequest } from '../../src/access-requests/review/review-access-request.ts'
import { renderMail } from '../../src/cards/approval-mail.ts'
import { graphMailer } from '../../src/graph/mailer.ts'
import { requestView } from '../../src/views/request-view.ts'
import { openPages, type PagesFixture } from '../fixtures/pages.ts'
import { freePort } from '../fixtures/world.ts'
import { CHROMIUM, MISSING, openBrowser, picture } from './chromium.ts'

/** An approver's way from the mail to the decision, in Chromium. */

const DESKTOP = { width: 1180, height: 900 }
const PHONE = { width: 390, height: 844 }

let browser: Browser
let context: BrowserContext
let pagesFixture: PagesFixture
let publicUrl = ''
/** Errors in a page, and what its content security policy refused. */
let problems: string[] = []

beforeAll(async () => {
  if (CHROMIUM === undefined) return
  browser = await openBrowser(CHROMIUM)
  pagesFixture = await openPages('browser')
  const port = await freePort()
  publicUrl = `http://127.0.0.1:${port}`
  const app = await pagesFixture.open({ publicUrl })
  await app.listen({ port, host: '127.0.0.1' })
})
afterAll(async () => {
  await browser?.close()
  await pagesFixture?.close()
})

beforeEach(async (running) => {
  if (CHROMIUM === undefined) running.skip(MISSING)
  problems = []
  // The sandbox's Entra has a throw-away certificate.
  context = await browser.newContext({ viewport: DESKTOP, colorScheme: 'light', ignoreHTTPSErrors: true })
  context.on('weberror', (error) => problems.push(error.error().message))
  context.on('console', (line) => isOurs(line.location().url) && line.type() === 'error' && problems.push(line.text()))
})
afterEach(async () => {
  if (CHROMIUM === undefined) return
  await context.close()
  expect(problems).toEqual([])
})

/** The browser also prints an error for the status of a refusal, a site without an icon, and what this test tries inside the mail's frame. */
function isOurs(url: string): boolean {
  return !/\/favicon\.ico$|\/requests\/r-[0-9a-z]{12}$|\/body$/.test(url)
}

/** The mail alone, as a mail client shows it. Inside the mailbox its frame cannot be inspected. */
async function mailAlone(colorScheme: 'light' | 'dark', requestId: string): Promise<void> {
  const page = await context.newPage()
  await page.setViewportSize(PHONE)
  await page.emulateMedia({ colorScheme })
  const found = pagesFixture.useCases.entra.mails(PEOPLE.max).find(({ html }) => html.includes(requestId))
  await page.setContent(found?.html ?? '')
  await picture(page, `mail-alone-phone-${colorScheme}`, true)
  // The landmarks belong to the mail program around the mail.
  await accessible(page, ['landmark-one-main', 'region'])
  await page.close()
}

/** What workers do with a message by mail. */
async function mailed(requestId: string, to = 'max@harbour.example'): Promise<void> {
  const { entra, fixture, record } = pagesFixture.useCases
  const stored = await readRequest(record, requestId)
  if (stored === undefined) throw new Error('The request is gone.')
  const mail = renderMail({ request: requestView(stored.request), grant: null }, publicUrl)
  await graphMailer({ ...entra, sender: MAIL_SENDER, log: fixture.log }).send({ ...mail, to, id: 'c-0123456789ab' })
  await entra.waitForMail(PEOPLE.max, ({ html }) => html.includes(requestId))
}

async function openMail(): Promise<Page> {
  const page = await context.newPage()
  await page.goto(pagesFixture.useCases.entra.mailboxUrl(PEOPLE.max))
  if ((page.viewportSize()?.width ?? 0) < 760)
    await page.getByRole('navigation', { name: 'Inbox' }).getByRole('link').first().click()
  await bodyOf(page).getByRole('heading').waitFor()
  return page
}

function bodyOf(page: Page) {
  return page.frameLocator('iframe')
}

/** Clicks the only link of the mail and signs in on the page that opens. */
async function follow(mail: Page, name: string): Promise<Page> {
  const opened = context.waitForEvent('page')
  await bodyOf(mail).getByRole('link', { name: 'Review the request' }).click()
  const page = await opened
  await page.getByRole('button', { name: new RegExp(name) }).click()
  await page.waitForURL(`${publicUrl}/requests/*`)
  return page
}

async function accessible(page: Page, without: readonly string[] = []): Promise<void> {
  const { violations } = await new AxeBuilder({ page })
    .setLegacyMode()
    .disableRules([...without])
    .analyze()
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)).toEqual([])
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
  expect(overflow).toBeLessThanOrEqual(0)
}

describe('from the mail to the decision', () => {
  test('the link leads through sign-in to the request; approving it there decides, and says so', async () => {
    const { id } = await pagesFixture.ask()
    await mailed(id)
    const mail = await openMail()
    await picture(mail, 'mail-desktop-light', true)
    const page = await follow(mail, 'Max Mertens')
    await page
      .getByRole('heading', { name: /Rita Reyes asks to write in s3:\/\/finance-reports\/2026\/ for 30 minutes/ })
      .waitFor()
    await page.getByText('Signed in as Max Mertens').waitFor()
    await page.getByLabel(/^Comment/).fill('Month end, as agreed')
    await picture(page, 'page-desktop-light', true)
    await accessible(page)
    await page.getByRole('button', { name: 'Approve' }).click()
    await page.getByRole('heading', { name: 'Approved by Max Mertens' }).waitFor()
    expect(page.url()).toBe(`${publicUrl}/requests/${id}`)
    await page.getByText('Month end, as agreed').waitFor()
    expect(await page.getByRole('button', { name: /Approve|Deny/ }).count()).toBe(0)
    await picture(page, 'page-desktop-light-approved', true)
    expect(Object(await pagesFixture.useCases.record.read('request', id)).value.status).toBe('approved')
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('heading', { name: 'You are signed out' }).waitFor()
  })

  test('two spaces in a scope are two spaces, in the mail and on the page', async () => {
    const scope = 's3://finance-reports/a  b/'
    const { id } = await pagesFixture.ask('rita', scope)
    await mailed(id)
    const mail = await openMail()
    const said = [await bodyOf(mail).locator('body').innerText()]
    const page = await follow(mail, 'Max Mertens')
    said.push(await page.locator('main').innerText())
    for (const text of said) expect(text.split(scope)).toHaveLength(3)
  })

  test('whoever comes late is told by whom it was decided, and what', async () => {
    const { id } = await pagesFixture.ask()
    await mailed(id)
    const page = await follow(await openMail(), 'Max Mertens')
    await page.getByLabel(/^Comment/).fill('Too late')
    await reviewAccessRequest(pagesFixture.useCases.deps, pagesFixture.useCases.as('dana'), id, {
      decision: 'deny',
      comment: 'Not now',
    })
    await page.getByRole('button', { name: 'Approve' }).click()
    await page.getByRole('alert').filter({ hasText: 'already denied by Dana Okafor' }).waitFor()
    await page.getByRole('heading', { name: 'Denied by Dana Okafor' }).waitFor()
    await picture(page, 'page-desktop-light-conflict', true)
    await accessible(page)
  })

  test('by keyboard alone: comment, approve and deny are reached in that order, and seen', async () => {
    const { id } = await pagesFixture.ask()
    await mailed(id)
    const page = await follow(await openMail(), 'Max Mertens')
    const reached: string[] = []
    for (let step = 0; step < 4; step += 1) {
      await page.keyboard.press('Tab')
      reached.push(
        await page.evaluate(() => {
          const one = document.activeElement
          const seen = one === null ? '' : getComputedStyle(one).outlineStyle
          return `${one?.textContent || one?.id || ''} ${seen}`
        }),
      )
    }
    expect(reached).toEqual(['Sign out solid', 'comment solid', 'Approve solid', 'Deny solid'])
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Denied by Max Mertens' }).waitFor()
  })
})

describe('on a phone', () => {
  test.each(['light', 'dark'] as const)(
    'mailbox, mail, request, decision and refusal read well, %s',
    async (colorScheme) => {
      const { id } = await pagesFixture.ask(
        'rita',
        's3://finance-reports/2026/month-end/a-rather-long-prefix-without-any-gap/corrections/',
      )
      await mailed(id)
      await mailAlone(colorScheme, id)
      const start = await context.newPage()
      await start.setViewportSize(PHONE)
      await start.emulateMedia({ colorScheme })
      await start.goto(pagesFixture.useCases.entra.mailboxUrl(PEOPLE.max))
      await picture(start, `mailbox-phone-${colorScheme}`, true)
      await accessible(start)
      await start.getByRole('navigation', { name: 'Inbox' }).getByRole('link').first().click()
      await bodyOf(start).getByRole('heading').waitFor()
      await picture(start, `mail-phone-${colorScheme}`, true)
      await accessible(start)
      context.once('page', async (page) => page.emulateMedia({ colorScheme }))
      const page = await follow(start, 'Max Mertens')
      await page.setViewportSize(PHONE)
      await page.emulateMedia({ colorScheme })
      await page.getByRole('button', { name: 'Approve' }).waitFor()
      await picture(page, `page-phone-${colorScheme}`, true)
      await accessible(page)
      await page.getByRole('button', { name: 'Deny' }).click()
      await page.getByRole('heading', { name: 'Denied by Max Mertens' }).waitFor()
      await picture(page, `page-phone-${colorScheme}-denied`, true)
      await accessible(page)
      await page.goto(`${publicUrl}/requests/r-000000000000`)
      await page.getByRole('heading', { name: 'Nothing to see here' }).waitFor()
      await picture(page, `page-phone-${colorScheme}-missing`, true)
      await accessible(page)
    },
  )
})
