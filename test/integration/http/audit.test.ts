import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PEOPLE } from '../../../sandbox/entra/fixture.ts'
import { WRONG_TOKENS } from '../../../sandbox/entra/wrong-tokens.ts'
import { readCommands } from '../../fixtures/append-only-file.ts'
import { APPROVE, ASK, DENY, eventually, type Product, startProduct } from '../../fixtures/product.ts'

let product: Product

beforeAll(async () => {
  product = await startProduct()
})

afterAll(async () => {
  await product.stop()
})

const AUDIT = '{latchkey}:audit'
const RECORD = /^\{latchkey\}:(request|grant|deny):/

/** The commands in Redis's append-only file, each with the commands of the same transaction or script. */
async function writes(): Promise<readonly (readonly (readonly string[])[])[]> {
  const blocks: (readonly string[])[][] = []
  let open: (readonly string[])[] | undefined
  for (const words of await readCommands(product.privateRedis?.dir ?? '')) {
    const name = words[0]?.toUpperCase()
    if (name === 'MULTI') open = []
    else if (name === 'EXEC') {
      blocks.push(open ?? [])
      open = undefined
    } else if (open) open.push(words)
    else blocks.push([words])
  }
  return blocks
}

/** Every kind of change to a record, and every kind of refusal. */
async function liveALittle(): Promise<void> {
  await product.startWorkers()
  const cancelled = await product.ask('rita')
  await product.review('finn', cancelled, APPROVE)
  await product.review('rita', cancelled, APPROVE)
  await product.call('max', `/requests/${cancelled}/cancel`)
  await product.call('rita', `/requests/${cancelled}/cancel`)
  await product.review('max', await product.ask('rita'), DENY)
  await product.call('rita', '/requests', { ...ASK, scope: 's3://payroll/' })

  const ended = await product.active('rita')
  await product.vend('rita', ended)
  await product.vend('max', ended)
  await product.call('finn', `/grants/${ended}/end`)
  await product.call('max', `/grants/${ended}/end`)
  await product.untilStatus(ended, 'revoked')

  const expired = await product.active('finn')
  const endsAt = new Date(Date.now() - 1_000).toISOString()
  await product.forge('grant', expired, { ...(await product.stored('grant', expired)), endsAt })
  await product.cli.zadd('{latchkey}:due:grants', Date.parse(endsAt) - 60_000, expired)
  await product.untilStatus(expired, 'expired')

  const lapsed = await product.ask('finn')
  await product.lapseAt(lapsed, endsAt)
  await eventually(async () => expect((await product.stored('request', lapsed)).status).toBe('lapsed'))

  const forged = await product.active('finn')
  await product.forge('grant', forged, { ...(await product.stored('grant', forged)), mac: 'forged' })
  await product.vend('finn', forged)
  await product.untilStatus(forged, 'revoked')
  // No person here has the app in Teams; approvers have a mailbox.
  await eventually(async () => expect(await product.events('copies.sent')).not.toEqual([]))
  await eventually(async () => expect(await product.events('copy.unreachable')).not.toEqual([]))
}

/** Before a worker runs, so that only a request can write. */
describe('who is not known', () => {
  test('leaves nothing behind in Redis, whatever they send', async () => {
    await product.ask('rita')
    const all = async () => {
      const keys = (await product.cli.keys('*')).filter((key) => !key.includes(':commit:')).sort()
      return Promise.all(keys.map(async (key) => `${key} ${(await product.cli.dumpBuffer(key))?.toString('base64')}`))
    }
    const before = await all()
    const refused = await Promise.all([...WRONG_TOKENS, 'none' as const].map(knock))
    expect(new Set(refused.flat())).toEqual(new Set([401]))
    expect(await all()).toEqual(before)
  })
})

describe('every change and its audit event are one atomic write', () => {
  test('every move of the story, and every refusal of somebody known', async () => {
    await liveALittle()
    const kinds = new Set((await product.audit()).map(({ kind }) => kind))
    // Whether AWS had to be verified again depends on timing.
    kinds.delete('deny.verified')
    expect([...kinds].sort()).toEqual([
      'alarm.yes-does-not-add-up',
      'ask.refused',
      'cancel.refused',
      'copies.sent',
      'copy.unreachable',
      'deny.written',
      'end.refused',
      'epoch.adopted',
      'grant.activated',
      'grant.attempted',
      'grant.end-asked',
      'grant.expired',
      'grant.revoked',
      'request.approved',
      'request.asked',
      'request.cancelled',
      'request.denied',
      'request.lapsed',
      'review.refused',
      'vend.intended',
      'vend.refused',
    ])
  })

  test('Redis wrote no change of a record without an audit event in the same transaction', async () => {
    const own = (await writes()).filter((block) => !block.every((words) => isForged(words)))
    const changes = own.filter((block) => block.some(([name, key = '']) => name === 'HSET' && RECORD.test(key)))
    expect(changes.length).toBeGreaterThan(20)
    const silent = changes.filter((block) => !block.some(([name, key]) => name === 'XADD' && key === AUDIT))
    expect(silent).toEqual([])
  })

  test('no record has moved more often than the audit says', async () => {
    const moved = new Map<string, number>()
    const from = new Set<string>()
    const isFirstFrom = ({ grantId, address }: { readonly grantId: string; readonly address: string }) =>
      from.size < from.add(`${grantId} ${address}`).size
    const count = (key: string) => moved.set(key, (moved.get(key) ?? 0) + 1)
    for (const event of await product.audit()) {
      if (/^alarm\.|^vend\.repeated|\.refused$/.test(event.kind)) continue
      // Written only when credentials go to an address for the first time.
      if (event.kind === 'vend.intended' && !isFirstFrom(event)) continue
      if ('grantId' in event) count(`{latchkey}:grant:${event.grantId}`)
      if (event.kind.startsWith('request.') && 'requestId' in event) count(`{latchkey}:request:${event.requestId}`)
      if ('role' in event) count('{latchkey}:deny:111122223333.prod')
    }
    const keys = (await product.cli.keys('{latchkey}:*')).filter((key) => RECORD.test(key))
    const versions = await Promise.all(
      keys.map(async (key) => [key, Number(await product.cli.hget(key, 'version'))] as const),
    )
    expect(new Map(versions)).toEqual(moved)
  })

  test('nothing is ever taken out of the audit', async () => {
    const words = (await writes()).flat().filter(([, key]) => key === AUDIT)
    expect(new Set(words.map(([name]) => name))).toEqual(new Set(['XADD']))
  })
})

/** What this test wrote with `redis-cli`, outside of any transaction. */
function isForged([name, key = '', field]: readonly string[]): boolean {
  return name?.toUpperCase() === 'HSET' && RECORD.test(key) && field === 'version'
}

async function knock(kind: (typeof WRONG_TOKENS)[number] | 'none'): Promise<readonly number[]> {
  const token = kind === 'none' ? undefined : await product.entra.mintWrong(kind, PEOPLE.rita)
  const headers = {
    'content-type': 'application/json',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  }
  const paths = ['/requests', '/requests/r-000000000000/reviews', '/grants/g-000000000000/credentials']
  return Promise.all(
    paths.map(async (path) => {
      const url = `${product.web.url}/api/v1${path}`
      return (await fetch(url, { method: 'POST', headers, body: JSON.stringify(ASK) })).status
    }),
  )
}
