import { AxeBuilder } from '@axe-core/playwright'
import type { TurnContext } from 'botbuilder'
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { CHROMIUM, MISSING, openBrowser, picture } from '../../test/browser/chromium.ts'
import { textOf } from '../teams/cards.ts'
import { cardMessage, type EchoBot, startEchoBot } from '../teams/echo-bot.ts'
import { type Card, type SandboxTeams, startTeams } from '../teams/index.ts'

/** The page of the sandbox's Teams, tested in Chromium with Microsoft's card renderer. */

const DESKTOP = { width: 1280, height: 860 }
const PHONE = { width: 390, height: 844 }

let browser: Browser
let context: BrowserContext
let teams: SandboxTeams
let bot: EchoBot
/** Errors in the page and requests to other origins. */
let problems: string[] = []
let formId = ''
let decisionId = ''

beforeAll(async () => {
  if (CHROMIUM === undefined) return
  browser = await openBrowser(CHROMIUM)
})
afterAll(async () => browser?.close())

beforeEach(async (running) => {
  if (CHROMIUM === undefined) running.skip(MISSING)
  problems = []
  teams = await startTeams()
  bot = await startEchoBot(teams, onTurn)
  context = await browser.newContext({ viewport: DESKTOP, colorScheme: 'light' })
})
afterEach(async () => {
  if (CHROMIUM === undefined) return
  await context.close()
  await teams.settled()
  await bot.stop()
  await teams.stop()
  expect(problems).toEqual([])
})

function inCard(title: string, lines: readonly string[], rest: object = {}): Card {
  return {
    type: 'AdaptiveCard',
    version: '1.5',
    body: [
      { type: 'TextBlock', text: title, size: 'large', weight: 'bolder', wrap: true, style: 'heading' },
      ...lines.map((text) => ({ type: 'RichTextBlock', inlines: [{ type: 'TextRun', text }] })),
    ],
    ...rest,
  }
}

const FORM: Card = {
  type: 'AdaptiveCard',
  version: '1.5',
  body: [
    { type: 'TextBlock', text: 'Ask for access', size: 'large', weight: 'bolder', style: 'heading' },
    { type: 'TextBlock', text: 'You may ask for **finance-reports**, and nobody *else*.', wrap: true },
    { type: 'Input.Text', id: 'scope', label: 'Scope', isRequired: true, errorMessage: 'Say where.' },
    {
      type: 'Input.ChoiceSet',
      id: 'level',
      label: 'Level',
      value: 'read',
      choices: ['read', 'write', 'delete'].map((value) => ({ title: value, value })),
    },
    { type: 'Input.Text', id: 'reason', label: 'Reason', isMultiline: true },
  ],
  actions: [{ type: 'Action.Execute', title: 'Ask', verb: 'ask', style: 'positive' }],
}

function decision(): Card {
  return inCard(
    'Rita Reyes asks for access',
    ['write on s3://finance-reports/2026/ for 45 minutes', 'month-end *fix*'],
    {
      refresh: { action: { type: 'Action.Execute', verb: 'view' }, userIds: [teams.roster.person('max').id] },
    },
  )
}

function withButtons(card: Card): Card {
  const body = Array.isArray(card.body) ? card.body : []
  return {
    ...card,
    body: [
      ...body,
      { type: 'FactSet', facts: [{ title: 'Manager', value: 'Max Mertens' }] },
      { type: 'Input.Text', id: 'reason', label: 'Comment', isMultiline: true, maxLength: 200 },
    ],
    actions: [
      { type: 'Action.Execute', title: 'Approve', verb: 'approve', style: 'positive' },
      { type: 'Action.Execute', title: 'Deny', verb: 'deny', style: 'destructive' },
    ],
  }
}

/** A bot that acts as Latchkey does: a form, a card in the approver's chat with a view of its own, and both messages edited after a decision. */
async function onTurn(turn: TurnContext): Promise<void> {
  const { type, text = '', value } = turn.activity
  if (type === 'message' && text.includes('request')) {
    formId = (await turn.sendActivity(cardMessage(FORM)))?.id ?? ''
    return
  }
  if (type === 'message') await turn.sendActivity(`I do not know "${text}". Try **request**.`)
  if (type !== 'invoke') return
  const body = await decide(turn, value.action.verb)
  await turn.sendActivity({ type: 'invokeResponse', value: { status: 200, body } })
}

async function decide(turn: TurnContext, verb: string): Promise<object> {
  const answer = (card: Card) => ({ statusCode: 200, type: 'application/vnd.microsoft.card.adaptive', value: card })
  if (verb === 'ask') {
    const { chat } = chats()
    decisionId = (await bot.within(chat.max, (one) => one.sendActivity(cardMessage(decision()))))?.id ?? ''
    await turn.updateActivity({ ...cardMessage(inCard('Asked', ['Waiting for Max Mertens'])), id: formId })
    return answer(inCard('Asked', ['Waiting for Max Mertens']))
  }
  if (verb === 'view') return answer(withButtons(decision()))
  if (verb === 'deny') {
    return {
      statusCode: 400,
      type: 'application/vnd.microsoft.error',
      value: { code: 'COMMENT_MISSING', message: 'Say why in the comment.' },
    }
  }
  const done = inCard('Approved', ['Max Mertens approved this at 14:02'])
  const { chat } = chats()
  await bot.within(chat.rita, (one) => one.updateActivity({ ...cardMessage(done), id: formId }))
  await turn.updateActivity({ ...cardMessage(done), id: decisionId })
  return answer(done)
}

function chats() {
  const of = (name: string) => teams.roster.person(name).personalChatId
  return { chat: { rita: of('rita'), max: of('max') } }
}

async function open(...people: readonly string[]): Promise<Page> {
  const page = await context.newPage()
  page.on('pageerror', (error) => problems.push(error.message))
  page.on('console', (line) => line.type() === 'error' && problems.push(line.text()))
  page.on('request', (request) => {
    if (!request.url().startsWith(teams.pageUrl()) && !request.url().startsWith('data:')) problems.push(request.url())
  })
  await page.goto(teams.pageUrl(...people))
  for (const name of people) await room(page, name).waitFor()
  return page
}

function room(page: Page, name: string): Locator {
  return page.getByRole('region', { name: `Teams of ${teams.roster.person(name).name}` })
}

async function write(where: Locator, text: string): Promise<void> {
  await where
    .getByRole('textbox', { name: /^(Message|Start a thread|Reply)/ })
    .last()
    .fill(text)
  await where.getByRole('button', { name: /^Send/ }).last().click()
}

async function ask(page: Page): Promise<void> {
  const rita = room(page, 'rita')
  await write(rita, 'request')
  await rita.getByLabel('Scope').fill('s3://finance-reports/2026/')
  await rita.getByLabel('Level').selectOption('write')
  await rita.getByLabel('Reason').fill('month-end fix')
  await rita.getByRole('button', { name: 'Ask', exact: true }).click()
  await rita.getByText('Waiting for Max Mertens').waitFor()
}

async function accessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze()
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)).toEqual([])
}

describe('two people side by side', () => {
  test('one asks by a form, the card comes to the other with his own view, and his click changes both', async () => {
    const page = await open('rita', 'max')
    await ask(page)
    const max = room(page, 'max')
    await max.getByRole('button', { name: 'Approve' }).waitFor()
    // The stored card has no buttons; they are in Max's view.
    expect(textOf(teams.conversation('max').at(-1)?.card ?? {})).not.toContain('Approve')
    await max.getByText('month-end *fix*').waitFor()
    await max.getByLabel('Comment').fill('Fine by me')
    await picture(page, 'desktop-light')
    await accessible(page)
    await max.getByRole('button', { name: 'Approve' }).click()
    await max.getByText('Max Mertens approved').waitFor()
    await room(page, 'rita').getByText('Max Mertens approved').waitFor()
    expect(await page.getByRole('button', { name: 'Approve' }).count()).toBe(0)
    expect(await page.getByRole('button', { name: 'Refresh card' }).count()).toBe(0)
    expect(bot.activities.at(-1)?.value).toMatchObject({
      trigger: 'manual',
      action: { verb: 'approve', data: { reason: 'Fine by me' } },
    })
    await picture(page, 'desktop-light-decided')
  })

  test('an error stands in a bar under the card, and the card stays', async () => {
    const page = await open('rita', 'max')
    await ask(page)
    const max = room(page, 'max')
    await max.getByRole('button', { name: 'Deny' }).click()
    await max.getByRole('alert').filter({ hasText: 'Say why in the comment.' }).waitFor()
    expect(await max.getByRole('button', { name: 'Approve' }).isVisible()).toBe(true)
    await page.emulateMedia({ colorScheme: 'dark' })
    await picture(page, 'desktop-dark-error')
    await accessible(page)
  })

  test('a required input is asked for by the client itself', async () => {
    const page = await open('rita')
    const rita = room(page, 'rita')
    await write(rita, 'request')
    const button = rita.getByRole('button', { name: 'Ask', exact: true })
    // The form is the bot's answer. Before it appears, the bot may not have received that message.
    await button.waitFor()
    const before = bot.activities.length
    await button.click()
    await rita.getByText('Say where.').waitFor()
    expect(bot.activities.length).toBe(before)
    await accessible(page)
  })

  test('in the channel, threads with mentions reach the bot and everybody', async () => {
    const page = await open('rita', 'max')
    for (const name of ['rita', 'max'])
      await room(page, name)
        .getByRole('tab', { name: /Finance/ })
        .click()
    const rita = room(page, 'rita')
    const start = rita.getByRole('textbox', { name: /Start a thread/ })
    await rita.getByRole('button', { name: 'Mention Latchkey' }).last().click()
    await start.pressSequentially('request')
    await start.press('Enter')
    await room(page, 'max').getByText('Ask for access').waitFor()
    await room(page, 'max').getByRole('button', { name: 'Reply in this thread' }).click()
    await room(page, 'max')
      .getByRole('textbox', { name: /^Reply/ })
      .fill('Without a mention')
    await room(page, 'max')
      .getByRole('textbox', { name: /^Reply/ })
      .press('Enter')
    await rita.getByText('Without a mention').waitFor()
    await room(page, 'max').getByText('only sees messages that mention it').waitFor()
    await picture(page, 'desktop-light-channel')
    await accessible(page)
    expect(bot.activities.at(-1)).toMatchObject({ text: '<at>Latchkey</at> request' })
  })

  test('a removed app says so, and can be added again', async () => {
    const page = await open('rita')
    const rita = room(page, 'rita')
    await rita.getByRole('button', { name: /^Remove app/ }).click()
    await rita.getByText('not installed for you').waitFor()
    expect(teams.appState('rita')).toBe('removed')
    await rita.getByRole('button', { name: /^Add/ }).click()
    await write(rita, 'hello')
    await rita.getByText('I do not know').waitFor()
  })
})

describe('on a phone', () => {
  test.each(['light', 'dark'] as const)(
    'one person at a time, nothing wider than the screen, %s',
    async (colorScheme) => {
      const page = await open('rita', 'max')
      await page.setViewportSize(PHONE)
      await page.emulateMedia({ colorScheme })
      await ask(page)
      await picture(page, `phone-${colorScheme}-asked`)
      await page.getByRole('navigation', { name: 'Whose screen' }).getByRole('button', { name: 'Max' }).click()
      await room(page, 'max').getByRole('button', { name: 'Approve' }).waitFor()
      expect(await room(page, 'rita').isVisible()).toBe(false)
      await picture(page, `phone-${colorScheme}`)
      await accessible(page)
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
      expect(overflow).toBeLessThanOrEqual(0)
    },
  )
})
