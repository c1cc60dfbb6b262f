import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { seeMessage, wordsOf } from '../../../sandbox/demo/rooms.ts'
import { PEOPLE } from '../../../sandbox/entra/fixture.ts'
import { type Product, startProduct } from '../../fixtures/product.ts'

/** Every message reaches the present state of its record, whatever failed on the way. */

let product: Product
const IN_TIME = { timeout: 50_000, interval: 50 }

beforeAll(async () => {
  product = await startProduct()
  for (const person of ['rita', 'max'] as const) await product.teams.open(person)
})

afterAll(() => product.stop())

/** The bot's messages to that person that contain this reason, the oldest first. */
function cardsOf(person: 'rita' | 'max', reason: string) {
  return product.teams
    .conversation(person, 'personal')
    .filter((message) => message.from === 'bot' && message.card && wordsOf(message).includes(reason))
}

const see = (person: 'rita' | 'max', ...words: readonly string[]) => seeMessage(product, person, 'personal', words)

async function messagesOf(requestId: string) {
  const { copies } = await product.stored('request', requestId)
  const ids = Array.isArray(copies) ? copies.map(String) : []
  return await Promise.all(ids.map(async (id) => ({ ...(await product.stored('copy', id)), id })))
}

/** Resolves when no message of this request is due: every message shows the present state. */
async function untilSynced(requestId: string): Promise<void> {
  await vi.waitFor(async () => {
    const at = Number(await product.cli.zscore('{latchkey}:due:copies', requestId))
    expect(at === 0 || at > Date.now() + 30_000, `due ${at}`).toBe(true)
  }, IN_TIME)
}

describe('while workers run', () => {
  beforeAll(() => product.startWorkers())
  afterAll(() => product.kill('workers', 'SIGTERM'))

  test('requester and approver see an ask once each, and the approver gets one mail', async () => {
    const id = await product.ask('rita', { reason: 'seen once' })
    await see('max', 'seen once')
    await see('rita', 'seen once')
    const mail = await product.entra.waitForMail(PEOPLE.max, ({ html }) => html.includes('seen once'))
    await untilSynced(id)
    expect(mail.html).toContain(`/requests/${id}`)
    expect([cardsOf('max', 'seen once').length, cardsOf('rita', 'seen once').length]).toEqual([1, 1])
    const sent = (await product.events('copies.sent', id)).flatMap(({ copies }) => copies)
    const ofBoth = sent.filter(({ reader }) => reader === PEOPLE.max || reader === PEOPLE.rita)
    expect(ofBoth.map(({ channel }) => channel).sort()).toEqual(['mail', 'teams', 'teams'])
    await product.call('rita', `/requests/${id}/cancel`)
  })

  test('after the decision no copy offers to decide, and the requester is told by a message of its own', async () => {
    const id = await product.ask('rita', { reason: 'decided by API' })
    const before = await see('max', 'decided by API')
    expect(JSON.stringify(before.card)).toContain('"verb":"approve"')
    await product.review('max', id, { decision: 'deny', comment: 'not this month' })
    const after = await see('max', 'decided by API', 'not this month')
    expect(after.id).toBe(before.id)
    expect(JSON.stringify(after.card)).not.toMatch(/"verb":"(approve|deny)"/)
    await vi.waitFor(() => expect(cardsOf('rita', 'not this month')).toHaveLength(2), IN_TIME)
  })

  test('a grant’s writes and its end come to the card in place', async () => {
    const id = await product.ask('rita', { reason: 'to its end' })
    await see('max', 'to its end')
    const { body } = await product.review('max', id, { decision: 'approve', comment: '' })
    const grantId = body.grantId ?? ''
    const live = await see('rita', grantId)
    await product.call('rita', `/grants/${grantId}/end`)
    const over = await see('rita', 'to its end', 'revoked early')
    expect(over.id).toBe(live.id)
    expect(JSON.stringify(over.card)).not.toContain('"verb":"done"')
  })

  test('a conversation that is busy gets its card when it is not', async () => {
    product.teams.faults.fail('replyToActivity', { kind: 'status', status: 429, retryAfterSeconds: 1 }, { times: 3 })
    const id = await product.ask('rita', { reason: 'busy at first' })
    await see('max', 'busy at first')
    await see('rita', 'busy at first')
    await untilSynced(id)
    expect(cardsOf('max', 'busy at first')).toHaveLength(1)
    await product.call('rita', `/requests/${id}/cancel`)
  })

  test('an approver without the app is reported, still gets the mail, and the card once it is installed', async () => {
    await product.teams.uninstall('max')
    const id = await product.ask('rita', { reason: 'no app yet' })
    await product.entra.waitForMail(PEOPLE.max, ({ html }) => html.includes('no app yet'))
    await vi.waitFor(async () => {
      const readers = (await product.events('copy.unreachable', id)).map(({ reader }) => reader)
      expect(readers.filter((reader) => reader === PEOPLE.max)).toHaveLength(1)
    }, IN_TIME)
    await product.teams.install('max')
    await see('max', 'no app yet')
    await product.call('rita', `/requests/${id}/cancel`)
  })
})

describe('after what was lost', () => {
  test('two workers, the whole queue deleted, a sender that died: each copy is shown once', async () => {
    const id = await product.ask('rita', { reason: 'from the due index' })
    const [, , approvers] = await messagesOf(id)
    const claimedAt = new Date(Date.now() - 61_000).toISOString()
    await product.forge('copy', approvers?.id ?? '', { ...approvers, claimedAt })
    for (const key of await product.cli.keys('{latchkey}:cards:*')) await product.cli.del(key)
    await product.cli.del('{latchkey}:outbox')
    await Promise.all([product.startWorkers(), product.startWorkers()])
    await see('max', 'from the due index')
    await see('rita', 'from the due index')
    await untilSynced(id)
    expect([cardsOf('max', 'from the due index').length, cardsOf('rita', 'from the due index').length]).toEqual([1, 1])
  })

  test('what somebody else is sending is not sent again before their claim lapses', async () => {
    await product.kill('workers', 'SIGKILL')
    const id = await product.ask('rita', { reason: 'claimed by another' })
    const [, , approvers] = await messagesOf(id)
    await product.forge('copy', approvers?.id ?? '', { ...approvers, claimedAt: new Date().toISOString() })
    await product.startWorkers()
    await see('rita', 'claimed by another')
    // The round that updated Rita's messages has also checked Max's.
    expect(cardsOf('max', 'claimed by another')).toHaveLength(0)
  })
})
