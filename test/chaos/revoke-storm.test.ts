import type { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PEOPLE } from '../../sandbox/entra/fixture.ts'
import { awsDriver } from '../../src/aws/driver.ts'
import { endGrant } from '../../src/grants/end-grant.ts'
import { requireGenuine } from '../../src/grants/genuine-grant.ts'
import type { Grant } from '../../src/grants/grant.ts'
import { orderOf } from '../../src/grants/grant-order.ts'
import type { SessionPrincipal } from '../../src/grants/principal.ts'
import { parseRules } from '../../src/rules/file/parse-rules.ts'
import { APPROVAL_KEY, activeGrant, commitGrants } from '../fixtures/active-grants.ts'
import { type VendedKeys, write } from '../fixtures/chaos.ts'
import { type Product, startProduct } from '../fixtures/product.ts'
import { redisFixture } from '../fixtures/redis-record.ts'
import { RULES } from '../fixtures/world.ts'
import { useAws } from '../integration/use-aws.ts'

/** Three processes end three hundred sessions at once, on a role and its replicas, while replies are lost at random. */

const REPLICAS = 3
const ENDED_ON_EACH = 100
const KEPT_ON_EACH = 5
const AT_ONCE = 25
const rulesText = RULES.replace('elevationRole: latchkey/prod', `elevationRole: latchkey/prod, copies: ${REPLICAS}`)
const rules = parseRules(rulesText)

let product: Product
beforeAll(async () => {
  product = await startProduct({ rules: rulesText, seed: { replicas: REPLICAS } })
})
afterAll(() => product.stop())

interface Held {
  readonly grant: Grant
  readonly kept: VendedKeys
}

/** Active grants as the record stores them, each with vended credentials. */
async function hold(principal: SessionPrincipal, count: number): Promise<readonly Held[]> {
  useAws(product.aws.url, product.seeded.keys.web)
  const driver = awsDriver({ ...rules, part: 'web', log: redisFixture('storm').log })
  const nowMs = await product.record.now()
  const grants = Array.from({ length: count }, () => activeGrant(principal, nowMs))
  await commitGrants(product.record, grants)
  return await inTurns(grants, async (grant) => ({
    grant,
    kept: await driver.vend(orderOf(requireGenuine(APPROVAL_KEY, { version: 1, grant }))),
  }))
}

async function inTurns<T, R>(all: readonly T[], act: (one: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = []
  for (let from = 0; from < all.length; from += AT_ONCE)
    results.push(...(await Promise.all(all.slice(from, from + AT_ONCE).map(act))))
  return results
}

async function adoptedRoles(cli: Redis): Promise<number> {
  return (await cli.keys('{latchkey}:deny:*')).length
}

test('each of 300 is refused, nobody else is, and IAM was written once for each copy, and again only where the answer was lost', async () => {
  const { cli, aws, seeded, record } = product
  await product.startWorkers()
  await expect.poll(() => adoptedRoles(cli), { timeout: 30_000 }).toBe(REPLICAS)
  await product.kill('workers', 'SIGTERM')
  const principals = seeded.roles.map(({ arn, roleId }) => {
    return { driver: 'session', account: aws.state.account, roleArn: arn, roleId } as const
  })
  // An adopted role refuses sessions of the current second.
  aws.clock.advance(2_000)
  const ended = (await Promise.all(principals.map((principal) => hold(principal, ENDED_ON_EACH)))).flat()
  const others = (await Promise.all(principals.map((principal) => hold(principal, KEPT_ON_EACH)))).flat()
  const rita = { tenantId: '', objectId: PEOPLE.rita, name: 'rita', roles: [], clientId: '', address: '127.0.0.1' }
  await inTurns(ended, ({ grant }) => endGrant({ record, approvalKey: APPROVAL_KEY }, rita, grant.id))

  const writes = { action: 'PutRolePolicy' }
  const before = aws.faults.tally(writes)
  aws.faults.atRandom({ service: 'iam' }, { seed: 300, lose: 0.3 })
  await Promise.all([product.startWorkers(), product.startWorkers(), product.startWorkers()])
  const isOver = async () => (await cli.zcard('{latchkey}:index:live:grants')) - others.length
  await expect.poll(isOver, { timeout: 120_000, interval: 200 }).toBe(0)
  const after = aws.faults.tally(writes)
  aws.faults.clear()

  // A call whose reply was lost is sent again by the SDK, or found done by the next read.
  const [done, lost] = [after.done - before.done, after.lost - before.lost]
  expect(done).toBeGreaterThanOrEqual(REPLICAS)
  expect(done).toBeLessThanOrEqual(REPLICAS + lost)
  expect(new Set(product.denied())).toEqual(
    new Set(
      ended.map(
        ({
          grant: {
            id,
            terms: { principal },
          },
        }) => `${'roleId' in principal ? principal.roleId : ''}:${id}`,
      ),
    ),
  )
  expect(new Set(await inTurns(ended, ({ kept }) => write(product, kept)))).toEqual(new Set(['AccessDenied']))
  expect(new Set(await inTurns(others, ({ kept }) => write(product, kept)))).toEqual(new Set(['written']))
  expect(new Set(await inTurns(ended, async ({ grant }) => (await product.stored('grant', grant.id)).status))).toEqual(
    new Set(['revoked']),
  )
}, 240_000)
