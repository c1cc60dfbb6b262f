import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { seeMessage, wordsOf } from '../../../sandbox/demo/rooms.ts'
import { PEOPLE } from '../../../sandbox/entra/fixture.ts'
import { type Product, startProduct } from '../../fixtures/product.ts'

/** Every message reaches the present state of its record, whatever failed on the way. */

let here: Product
const IN_TIME = { timeout: 50_000, interval: 20 }

beforeAll(async () => {
  here = await startProduct()
  for (const person of ['rita', 'max'] as const) await here.teams.open(person)
})

afterAll(() => here.stop())

/** The bot's messages to that person that contain this reason, the oldest first. */
function cardsOf(person: 'rita' | 'max', reason: string) {
  return here.teams
    .conversation(person, 'personal')
    .filter((message) => message.from === 'bot' && message.card && wordsOf(message).includes(reason))
}

const see = (person: 'rita' | 'max', ...words: readonly string[]) => seeMessage(here, person, 'personal', words)

async function copiesOf(requestId: string) {
  const { copies } = await here.stored('request', requestId)
  const ids = Array.isArray(copies) ? copies.map(String) : []
  return await Promise.all(ids.map(async (id) => ({ ...(await here.stored('copy', id)), id })))
}

/** Resolves when no message of this request is due: every message shows the present state. */
async function untilShown(requestId: string): Promise<void> {
  await vi.waitFor(async () => {
    const at = Number(await here.cli.zscore('{latchkey}:due:copies', requestId))
    expect(at === 0 || at > Date.now() + 30_000, `due ${at}`).toBe(true)
  }, IN_TIME)
}

describe('while workers run', () => {
  beforeAll(() => here.startWorkers())
  afterAll(() => here.kill('workers', 'SIGTERM'))

  test('requester and approver see an ask once each, and the approver gets one mail', async () => {
    const id = await here.ask('rita', { reason: 'seen once' })
    await see('max', 'seen once')
    await see('rita', 'seen once')
    const mail = await here.entra.waitForMail(PEOPLE.max, ({ html }) => html.includes('seen once'))
    await untilShown(id)
    expect(mail.html).toContain(`/requests/${id}`)
    expect([cardsOf('max', 'seen once').length, cardsOf('rita', 'seen once').length]).toEqual([1, 1])
    const sent = (await here.events('copies.sent', id)).flatMap(({ copies }) => copies)
    const ofBoth = sent.filter(({ reader }) => reader === PEOPLE.max || reader === PEOPLE.rita)
    expect(ofBoth.map(({ channel }) => channel).sort()).toEqual(['mail', 'teams', 'teams'])
    await here.call('rita', `/requests/${id}/cancel`)
  })

  test('after the decision no copy offers to decide, and the requester is told by a message of its own', async () => {
    const id = await here.ask('rita', { reason: 'decided by API' })
    const before = await see('max', 'decided by API')
    expect(JSON.stringify(before.card)).toContain('"verb":"approve"')
    await here.review('max', id, { decision: 'deny', comment: 'not this month' })
    const after = await see('max', 'decided by API', 'not this month')
    expect(after.id).toBe(before.id)
    expect(JSON.stringify(after.card)).not.toMatch(/"verb":"(approve|deny)"/)
    await vi.waitFor(() => expect(cardsOf('rita', 'not this month')).toHaveLength(2), IN_TIME)
  })

  test('a grant’s writes and its end come to the card in place', async () => {
    const id = await here.ask('rita', { reason: 'to its end' })
    await see('max', 'to its end')
    const { body } = await here.review('max', id, { decision: 'approve', comment: '' })
    const grantId = body.grantId ?? ''
    const live = await see('rita', grantId)
    await here.call('rita', `/grants/${grantId}/end`)
    const over = await see('rita', 'to its end', 'revoked early')
    expect(over.id).toBe(live.id)
    expect(JSON.stringify(over.card)).not.toContain('"verb":"done"')
  })

  test('a conversation that is busy gets its card when it is not', async () => {
    here.teams.faults.fail('replyToActivity', { kind: 'status', status: 429, retryAfterSeconds: 1 }, { times: 3 })
    const id = await here.ask('rita', { reason: 'busy at first' })
    await see('max', 'busy at first')
    await see('rita', 'busy at first')
    await untilShown(id)
    expect(cardsOf('max', 'busy at first')).toHaveLength(1)
    await here.call('rita', `/requests/${id}/cancel`)
  })

  test('an approver without the app is reported, still gets the mail, and the card once it is installed', async () => {
    await here.teams.uninstall('max')
    const id = await here.ask('rita', { reason: 'no app yet' })
    await here.entra.waitForMail(PEOPLE.max, ({ html }) => html.includes('no app yet'))
    await vi.waitFor(async () => {
      const readers = (await here.events('copy.unreachable', id)).map(({ reader }) => reader)
      expect(readers.filter((reader) => reader === PEOPLE.max)).toHaveLength(1)
    }, IN_TIME)
    await here.teams.install('max')
    await see('max', 'no app yet')
    await here.call('rita', `/requests/${id}/cancel`)
  })
})

describe('after what was lost', () => {
  test('two workers, the whole queue deleted, a sender that died: each copy is shown once', async () => {
    const id = await here.ask('rita', { reason: 'from the due index' })
    const [, , approvers] = await copiesOf(id)
    const claimedAt = new Date(Date.now() - 61_000).toISOString()
    await here.forge('copy', approvers?.id ?? '', { ...approvers, claimedAt })
    for (const key of await here.cli.keys('{latchkey}:cards:*')) await here.cli.del(key)
    await here.cli.del('{latchkey}:outbox')
    await Promise.all([here.startWorkers(), here.startWorkers()])
    await see('max', 'from the due index')
    await see('rita', 'from the due index')
    await untilShown(id)
    expect([cardsOf('max', 'from the due index').length, cardsOf('rita', 'from the due index').length]).toEqual([1, 1])
  })

  test('what somebody else is sending is not sent again before their claim lapses', async () => {
    await here.kill('workers', 'SIGKILL')
    const id = await here.ask('rita', { reason: 'claimed by another' })
    const [, , approvers] = await copiesOf(id)
    await here.forge('copy', approvers?.id ?? '', { ...approvers, claimedAt: new Date().toISOString() })
    await here.startWorkers()
    await see('rita', 'claimed by another')
    // The round that updated Rita's messages has also checked Max's.
    expect(cardsOf('max', 'claimed by another')).toHaveLength(0)
  })
})
