import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { openTerminal, type Terminal } from '../../sandbox/demo/terminal.ts'
import { PEOPLE, type PersonName } from '../../sandbox/entra/fixture.ts'
import { type Product, startProduct } from '../fixtures/product.ts'
import { CHROMIUM, MISSING, openBrowser, picture } from './chromium.ts'

/** One request by hand: Rita and Max in their Teams, Max in his mailbox, Rita at her terminal. */

const DESKTOP = { width: 1280, height: 1100 }
const PREFIX = 's3://finance-reports/2026/'

let world: Product
let browser: Browser
let context: BrowserContext
let folder = ''
let rita: Terminal

beforeAll(async () => {
  if (CHROMIUM === undefined) return
  folder = await mkdtemp(join(tmpdir(), 'latchkey-rooms-'))
  await writeFile(join(folder, 'report.csv'), 'month,total\n')
  browser = await openBrowser(CHROMIUM)
  world = await startProduct({ watch: true })
  await world.startWorkers()
  rita = await openTerminal(world, 'rita', folder)
  await rita.login()
})
afterAll(async () => {
  await browser?.close()
  await world?.stop()
  if (folder !== '') await rm(folder, { recursive: true, force: true })
})

beforeEach(async (running) => {
  if (CHROMIUM === undefined) running.skip(MISSING)
  // The sandbox's Entra has a throw-away certificate.
  context = await browser.newContext({ viewport: DESKTOP, colorScheme: 'light', ignoreHTTPSErrors: true })
})
afterEach(async () => context?.close())

async function openTeams(): Promise<Page> {
  const page = await context.newPage()
  await page.goto(world.teams.pageUrl('rita', 'max'))
  for (const name of ['rita', 'max'] as const) await room(page, name).waitFor()
  return page
}

function room(page: Page, name: PersonName): Locator {
  return page.getByRole('region', { name: `Teams of ${world.teams.roster.person(name).name}` })
}

async function say(where: Locator, text: string): Promise<void> {
  await where
    .getByRole('textbox', { name: /^Message/ })
    .last()
    .fill(text)
  await where.getByRole('button', { name: /^Send/ }).last().click()
}

async function newestGrant(): Promise<string> {
  const { body } = await world.call('rita', '/grants')
  return body.grants?.[0]?.id ?? ''
}

/** With credentials that were vended while the grant was active. */
const copy = () => rita.sdkCopy(join(folder, 'report.csv'), PREFIX, 'kept')

/** The link alone decides nothing, whatever the person does with it. */
async function openAs(link: string, name: string): Promise<{ readonly page: Page; readonly other: BrowserContext }> {
  const other = await browser.newContext({ viewport: DESKTOP, ignoreHTTPSErrors: true })
  const page = await other.newPage()
  await page.goto(link)
  await page.getByRole('button', { name: new RegExp(name) }).click()
  await page.waitForURL(/\/requests\//)
  return { page, other }
}

test('asked by the form, approved in Teams, written, seen on the card, ended by Done', async () => {
  const page = await openTeams()
  const [left, right] = [room(page, 'rita'), room(page, 'max')]
  await say(left, 'request')
  await left.getByLabel('Reason').fill('by hand in Teams')
  await left.getByRole('checkbox', { name: /^Write/ }).check()
  await picture(page, 'rooms-1-form')
  await left
    .getByRole('button', { name: /^(Send|Ask)/ })
    .first()
    .click()
  await right.getByRole('button', { name: 'Approve' }).waitFor()
  await left.getByText('Waiting for a decision').waitFor()
  await picture(page, 'rooms-2-asked')
  await right.getByLabel(/^Comment/).fill('fine by me')
  await right.getByRole('button', { name: 'Approve' }).click()
  await left.getByRole('button', { name: /^Done/ }).waitFor()
  await right.getByText('fine by me').first().waitFor()
  expect(await page.getByRole('button', { name: 'Approve' }).count()).toBe(0)
  await picture(page, 'rooms-3-active')
  await rita.keepCredentials('kept', await newestGrant())
  expect((await copy()).code).toBe(0)
  await left.getByText('report.csv').waitFor()
  await picture(page, 'rooms-4-written')
  await left.getByRole('button', { name: /^Done/ }).click()
  await left.getByText('Access was revoked early').waitFor()
  expect(await left.getByRole('button', { name: /^Done/ }).count()).toBe(0)
  await picture(page, 'rooms-5-summary')
  const after = await copy()
  expect([after.code, after.stderr]).toEqual([1, expect.stringContaining('AccessDenied')])
})

test('approved from the mail’s page; with the workers gone, the access ends all the same', async () => {
  const page = await openTeams()
  await say(room(page, 'rita'), `request write ${PREFIX} for 1m because by hand from the mail`)
  const mail = await world.entra.waitForMail(PEOPLE.max, ({ html }) => html.includes('by hand from the mail'))
  const link = /href="([^"]+\/requests\/[^"]+)"/.exec(mail.html)?.[1] ?? ''
  const requestId = /r-[0-9a-z]{12}/.exec(link)?.[0] ?? ''
  const pending = async () => (await world.call('max', `/requests/${requestId}`)).body.status
  expect((await fetch(link, { redirect: 'manual' })).status).toBe(302)
  const stranger = await openAs(link, 'Nils')
  await picture(stranger.page, 'rooms-6-somebody-else')
  expect(await stranger.page.getByRole('button', { name: 'Approve' }).count()).toBe(0)
  expect(await stranger.page.content()).not.toContain('by hand from the mail')
  await stranger.other.close()
  expect(await pending()).toBe('pending')
  const max = await openAs(link, 'Max')
  await picture(max.page, 'rooms-7-page')
  await max.page.getByRole('button', { name: 'Approve' }).click()
  await max.page.getByText('Approved by').first().waitFor()
  await picture(max.page, 'rooms-8-page-approved')
  await max.other.close()
  const left = room(page, 'rita')
  await left.getByRole('button', { name: /^Done/ }).waitFor()
  const grantId = await newestGrant()
  await rita.keepCredentials('kept', grantId)
  expect((await copy()).code).toBe(0)
  await world.kill('workers', 'SIGKILL')
  await picture(page, 'rooms-9-active-without-workers')
  const endsAt = Date.parse((await world.call('rita', `/grants/${grantId}`)).body.endsAt ?? '')
  // Only AWS's clock moves on, because no process is left to revoke anything.
  world.aws.clock.advance(Math.max(0, endsAt - world.aws.clock.now()))
  const after = await copy()
  expect([after.code, after.stderr]).toEqual([1, expect.stringContaining('AccessDenied')])
})
