import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AxeBuilder } from '@axe-core/playwright'
import { build } from 'esbuild'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { PROJECT } from '../../sandbox/project.ts'
import { allCards } from '../cards/all-cards.ts'
import { CHROMIUM, MISSING, openBrowser } from './chromium.ts'

/** Every card as people see it, rendered by Microsoft's renderer in Chromium. */

let browser: Browser
let script = ''
let style = ''

beforeAll(async () => {
  if (CHROMIUM === undefined) return
  browser = await openBrowser(CHROMIUM)
  const entry = join(PROJECT, 'test/browser/cards-page.ts')
  const bundle = await build({ entryPoints: [entry], bundle: true, write: false, format: 'iife', target: 'es2022' })
  script = bundle.outputFiles[0]?.text ?? ''
  style = await readFile(join(PROJECT, 'sandbox/teams/page/page.css'), 'utf8')
})
afterAll(async () => browser?.close())
beforeEach((running) => {
  if (CHROMIUM === undefined) running.skip(MISSING)
})

type Cards = ReturnType<typeof allCards>

async function openPage(cards: Cards, cardPx: number, colorScheme: 'light' | 'dark'): Promise<Page> {
  const viewport = { width: IN_A_ROW * (cardPx + 16) + 16, height: 800 }
  const context = await browser.newContext({ viewport, colorScheme, timezoneId: 'Europe/Berlin' })
  const page = await context.newPage()
  await page.setContent(
    '<!doctype html><html lang="en"><head><title>Cards</title></head><body><main></main></body></html>',
  )
  await page.addStyleTag({ content: `${style}\n${LAYOUT}` })
  await page.addScriptTag({ content: script })
  await page.evaluate(([groups, width]) => Reflect.get(window, 'show')(groups, width), [
    groupsOf(cards),
    cardPx,
  ] as const)
  return page
}

const IN_A_ROW = 4
const IN_A_PICTURE = 8
const LAYOUT = `
body { display: block; height: auto; overflow: auto }
section { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 16px; padding: 16px }`

function groupsOf<T>(all: readonly T[]): readonly (readonly T[])[] {
  return all.length === 0 ? [] : [all.slice(0, IN_A_PICTURE), ...groupsOf(all.slice(IN_A_PICTURE))]
}

async function pictures(page: Page, name: string): Promise<void> {
  if (process.env.PICTURES === undefined) return
  await mkdir(process.env.PICTURES, { recursive: true })
  for (const [position, section] of (await page.locator('section').all()).entries())
    await section.screenshot({ path: join(process.env.PICTURES, `cards-${name}-${position + 1}.png`) })
}

const layouts = [
  { place: 'phone', cardPx: 360 },
  { place: 'desktop', cardPx: 640 },
].flatMap((size) => (['light', 'dark'] as const).map((scheme) => ({ ...size, scheme })))

describe('every card', () => {
  test.each(layouts)('is no wider than its place: $place, $scheme', async ({ place, cardPx, scheme }) => {
    const page = await openPage(allCards(), cardPx, scheme)
    await pictures(page, `${place}-${scheme}`)
    expect(await page.evaluate(() => Reflect.get(window, 'tooWide')())).toEqual([])
    await page.context().close()
  })

  test.each(['light', 'dark'] as const)('can be read and used by everybody: %s', async (scheme) => {
    // Without cards that show nothing which another card does not show too.
    const cards = allCards().filter(({ name }) => !name.endsWith('(everybody)'))
    const page = await openPage(cards, 360, scheme)
    // In Teams these rules apply to the page around the card.
    const { violations } = await new AxeBuilder({ page }).disableRules(['page-has-heading-one', 'region']).analyze()
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)).toEqual([])
    await page.context().close()
  })
})
