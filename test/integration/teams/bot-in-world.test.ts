import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { seeMessage } from '../../../sandbox/demo/rooms.ts'
import { PEOPLE, type PersonName } from '../../../sandbox/entra/fixture.ts'
import type { ShownMessage, Where } from '../../../sandbox/teams/client.ts'
import { type Product, startProduct } from '../../fixtures/product.ts'

/** People use the bot in Teams: real activities, real processes. */

const SCOPE = 's3://finance-reports/2026/'
const FORM = { scope: 's3://finance-reports/', below: '2026/', levels: 'write', duration: '45m', ticket: '' }

let world: Product

beforeAll(async () => {
  world = await startProduct()
  for (const person of ['rita', 'max', 'finn'] as const) await world.teams.open(person)
  await world.startWorkers()
})

afterAll(() => world.stop())

const see = (who: PersonName, where: Where, ...words: readonly string[]) => seeMessage(world, who, where, words)

function verbs({ card }: ShownMessage): readonly string[] {
  const found = JSON.stringify(card?.actions ?? []).matchAll(/"verb":"([a-z]+)"/g)
  return [...found].flatMap(([, verb]) => verb ?? [])
}

/** The last message with this button; cards refresh by themselves. */
function withButton(who: PersonName, where: Where, verb: string): Promise<ShownMessage> {
  const { teams } = world
  const readMessage = () => teams.conversation(who, where).findLast((message) => verbs(message).includes(verb))
  return teams.waitFor(readMessage, AbortSignal.timeout(30_000))
}

async function requestsOf(person: PersonName) {
  return (await world.call(person, '/requests')).body.requests ?? []
}

describe('in the personal chat', () => {
  test('a form becomes the request, the approver decides on a card, the requester says done', async () => {
    await world.teams.say('rita', 'request')
    const form = await see('rita', 'personal', 'Ask for access')
    expect(await world.teams.click('rita', form.id, 'ask', { ...FORM, reason: 'by form' })).toMatchObject({
      kind: 'card',
    })
    const own = await see('rita', 'personal', 'by form', SCOPE)
    expect([own.id, verbs(own)]).toEqual([form.id, ['cancel']])
    const [{ id } = {}] = await requestsOf('rita')
    const asked = await see('max', 'personal', 'by form')
    await world.teams.click('max', asked.id, 'approve', { comment: 'go ahead' })
    const decided = await see('max', 'personal', 'by form', 'go ahead')
    expect([decided.id, verbs(decided).includes('approve')]).toEqual([asked.id, false])
    const { body } = await world.call('rita', `/requests/${id}`)
    expect(body).toMatchObject({ status: 'approved', decision: { by: 'Max Mertens', as: 'manager' } })
    await world.untilStatus(body.grantId ?? '', 'active')
    const live = await withButton('rita', 'personal', 'done')
    await world.teams.click('rita', live.id, 'done')
    await world.untilStatus(body.grantId ?? '', 'revoked')
  })

  test('who installs the app is greeted with what it understands', async () => {
    await world.teams.uninstall('finn')
    await world.teams.install('finn')
    await see('finn', 'personal', 'because month-end fix')
  })
})

describe('in a thread of the channel', () => {
  test('one line asks, and the card comes into that thread; only who asked may take it back there', async () => {
    const line = `request write ${SCOPE} for 45m because in the thread`
    const said = await world.teams.say('rita', line, { where: 'channel', mention: true })
    const card = await see('rita', 'channel', 'in the thread', 'Rita Reyes')
    expect(card.thread).toBe(said.thread ?? said.id)
    expect(await withButton('rita', 'channel', 'cancel')).toMatchObject({ id: card.id })
    const others = world.teams.conversation('finn', 'channel').find(({ id }) => id === card.id)
    expect(others && verbs(others)).toEqual([])
    const [{ id: requestId } = {}] = await requestsOf('rita')
    const foreign = await world.teams.invoke('finn', card.id, { verb: 'cancel', data: { requestId } })
    expect(foreign).toMatchObject({ kind: 'error', code: 'NOT_FOUND' })
    await world.teams.click('rita', card.id, 'cancel')
    expect((await world.call('rita', `/requests/${requestId}`)).body.status).toBe('cancelled')
  })

  test('somebody else’s form asks for nothing', async () => {
    await world.teams.say('rita', 'request', { where: 'channel', mention: true })
    const form = await see('finn', 'channel', 'Ask for access')
    const clicked = await world.teams.click('finn', form.id, 'ask', { ...FORM, reason: 'not mine' })
    expect(clicked).toMatchObject({ kind: 'error', message: expect.stringContaining('belongs to somebody else') })
    expect(await requestsOf('finn')).toEqual([])
    expect(JSON.stringify(form.card)).toContain(PEOPLE.rita)
  })
})
