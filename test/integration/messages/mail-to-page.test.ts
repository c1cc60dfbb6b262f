import { afterAll, beforeAll, expect, test } from 'vitest'
import { PEOPLE } from '../../../sandbox/entra/fixture.ts'
import { startWorld, type World } from '../../fixtures/world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
  await world.startWorkers()
})
afterAll(() => world?.stop())

const cookieOf = (answer: Response) => answer.headers.getSetCookie().at(-1)?.split(';')[0] ?? ''

test('the link of the mail that workers send leads through sign-in to the page that web serves', async () => {
  const body = { scope: 's3://finance-reports/2026/', levels: ['write'], duration: '30m', reason: 'month-end' }
  const { body: asked } = await world.call('rita', '/requests', body)
  const { html } = await world.entra.waitForMail(PEOPLE.max)
  const link = /href="([^"]+)"/.exec(html)?.[1] ?? ''
  expect(link).toBe(`${world.web.url}/requests/${asked.id}`)
  const leave = await fetch(link, { redirect: 'manual' })
  const back = await world.entra.signIn(PEOPLE.max, leave.headers.get('location') ?? '')
  const signedIn = await fetch(back, { redirect: 'manual', headers: { cookie: cookieOf(leave) } })
  const page = await fetch(link, { headers: { cookie: cookieOf(signedIn) } })
  expect(await page.text()).toContain('Waiting for a decision')
  expect(world.output()).not.toContain(new URL(back).searchParams.get('code'))
})
