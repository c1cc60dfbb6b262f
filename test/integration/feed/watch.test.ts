import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { writeBy } from '../../fixtures/cloudtrail.ts'
import { eventually, type Product, startProduct, write } from '../../fixtures/product.ts'
import { CLOUDTRAIL_KEY } from '../../fixtures/world.ts'
import { someEvent } from '../../unit/oversight/a-record.ts'

/** The feed with the real processes: CloudTrail and EventBridge of the sandbox, web, Redis, workers. */

let product: Product

beforeAll(async () => {
  product = await startProduct({ watch: true, aws: { delivery: { backoffFactor: 0.01 } } })
  await product.startWorkers()
})

afterAll(async () => {
  await product.stop()
})

async function writesOf(grantId: string, person: 'rita' | 'max' = 'rita') {
  const { writes } = (await product.call(person, `/grants/${grantId}`)).body
  if (writes === undefined) throw new Error('The grant does not say what was written.')
  return writes
}

async function deliver(event: object): Promise<number> {
  const headers = { 'content-type': 'application/json; charset=utf-8', 'x-latchkey-key': CLOUDTRAIL_KEY }
  const body = JSON.stringify(event)
  return (await fetch(`${product.web.url}/api/cloudtrail`, { method: 'POST', headers, body })).status
}

test('a write and a refusal show on the grant, once each, however often EventBridge delivers them', async () => {
  const grantId = await product.active()
  const credentials = await product.vend('rita', grantId)
  product.aws.events.duplicate(2)
  expect(await write(product, credentials)).toBe('written')
  expect(await write(product, credentials, '2025/report.csv')).toBe('AccessDenied')
  await eventually(async () => expect((await writesOf(grantId)).counts).toMatchObject({ written: 1, denied: 1 }))
  await product.aws.events.idle()
  const writes = await writesOf(grantId, 'max')
  expect(writes).toMatchObject({ counts: { written: 1, denied: 1 }, bytes: 12 })
  expect(writes.last.map(({ kind, uri }) => `${kind} ${uri}`).sort()).toEqual([
    'denied s3://finance-reports/2025/report.csv',
    'written s3://finance-reports/2026/report.csv',
  ])
  expect(await product.events('write.unexplained')).toEqual([])
})

test('what was answered 202 is folded although every worker died before, and Redis was restarted', async () => {
  const grantId = await product.active()
  const { roleId } = product.seeded.roles[0] ?? { roleId: '' }
  const by = { userIdentity: { principalId: `${roleId}:${grantId}` } }
  await product.kill('workers', 'SIGKILL')
  expect(await deliver(writeBy({ id: grantId }, by))).toBe(202)
  expect(await deliver(writeBy({ id: grantId }, by))).toBe(202)
  await product.privateRedis?.kill9()
  await product.privateRedis?.restart()
  await product.startWorkers()
  await eventually(async () => expect((await writesOf(grantId)).counts.written).toBe(2))
})

test('the session token in the record of an AssumeRole never reaches Redis or a log', async () => {
  const credentials = { accessKeyId: 'ASIAEXAMPLE', sessionToken: 'TOKEN-OF-A-SESSION', expiration: 'x' }
  const changes = { eventName: 'AssumeRole', eventSource: 'sts.amazonaws.com', responseElements: { credentials } }
  await product.kill('workers', 'SIGTERM')
  expect(await deliver(someEvent(changes))).toBe(202)
  expect(await product.cli.xlen('{latchkey}:inbox')).toBe(1)
  const keys = await product.cli.keys('*')
  const dumps = await Promise.all(
    keys.map(async (key) => (await product.cli.dumpBuffer(key))?.toString('latin1') ?? ''),
  )
  expect(dumps.join('')).toContain('AssumeRole')
  expect(dumps.join('')).not.toContain('TOKEN-OF-A-SESSION')
  expect(product.output()).not.toContain('TOKEN-OF-A-SESSION')
})

test('web alone is handed the keys', async () => {
  const compose = await readFile(fileURLToPath(new URL('../../../docker-compose.yml', import.meta.url)), 'utf8')
  const [, afterWeb = ''] = compose.split('  web:')
  const [web = '', workers = ''] = afterWeb.split('  workers:')
  expect(web).toContain('CLOUDTRAIL_KEYS')
  expect(workers).not.toContain('CLOUDTRAIL_KEYS')
  expect(product.environment('workers')).not.toHaveProperty('CLOUDTRAIL_KEYS')
})
