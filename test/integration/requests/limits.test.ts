import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { GROUPS, PEOPLE, type PersonName } from '../../../sandbox/entra/fixture.ts'
import { cancelRequest } from '../../../src/access-requests/cancel-request.ts'
import { requestAccess } from '../../../src/access-requests/request-access.ts'
import { reviewAccessRequest } from '../../../src/access-requests/review/review-access-request.ts'
import { makeCredentialsCache } from '../../../src/grants/credentials/credentials-cache.ts'
import { vendCredentials } from '../../../src/grants/credentials/vend-credentials.ts'
import { endGrant } from '../../../src/grants/end-grant.ts'
import { sessionUserId } from '../../../src/grants/principal.ts'
import { parseScope } from '../../../src/rules/scope.ts'
import { newId } from '../../../src/store/ids.ts'
import { revokeGrant } from '../../../workers/revoke-grant.ts'
import { dump } from '../../fixtures/redis-record.ts'
import { openUseCases } from '../../fixtures/use-cases.ts'

const HOUR = 3_600_000
const useCases = await openUseCases('limits')
const redis = await useCases.fixture.open('request')
const { deps, entra, aws } = useCases
const { prefix } = useCases.fixture

afterEach(() => aws.faults.clear())
afterAll(() => useCases.close())

/** Writes as many entries as that many commits would, the oldest first, and returns them. */
async function fill(index: string, value: string, count: number): Promise<readonly string[]> {
  const ids = Array.from({ length: count }, () => newId('r'))
  const now = Date.now()
  await redis.zadd(`${prefix}:index:${index}:${value}`, ...ids.flatMap((id, n) => [now - 60_000 + n, id]))
  return ids
}

/** The number of calls to AWS and the directory so far. */
function askedOutside(): number {
  return aws.journal.entries().length + entra.graphCalls.length
}

describe('who has used up what one person may ask is refused before the directory or AWS is asked anything', () => {
  async function refusedAtOnce(person: PersonName, sentence: string): Promise<void> {
    const before = askedOutside()
    await expect(useCases.ask(person)).rejects.toMatchObject({
      code: 'TOO_MANY',
      message: expect.stringContaining(sentence),
    })
    expect(askedOutside()).toBe(before)
  }

  test('by five requests that wait', async () => {
    const { id } = await useCases.ask('rita')
    await fill('pending', PEOPLE.rita, 4)
    await refusedAtOnce('rita', '5 requests waiting')
    await cancelRequest(deps, useCases.as('rita'), id)
    expect((await useCases.ask('rita')).status).toBe('pending')
  })

  test('by twenty asks within an hour', async () => {
    const [oldest = ''] = await fill('asks', PEOPLE.finn, 20)
    await refusedAtOnce('finn', '20 times within an hour')
    await redis.zadd(`${prefix}:index:asks:${PEOPLE.finn}`, Date.now() - HOUR - 1, oldest)
    expect((await useCases.ask('finn')).status).toBe('pending')
  })

  test('by 120 refusals within an hour, and those of an hour ago count no more', async () => {
    const [oldest = ''] = await fill('refusals', PEOPLE.omar, 119)
    await expect(useCases.ask('omar')).rejects.toMatchObject({ code: 'NOT_ELIGIBLE' })
    const written = await useCases.events('ask.refused')
    await refusedAtOnce('omar', 'refused 120 times within an hour')
    expect(await useCases.events('ask.refused')).toEqual(written)
    await redis.zadd(`${prefix}:index:refusals:${PEOPLE.omar}`, Date.now() - HOUR - 1, oldest)
    await expect(useCases.ask('omar')).rejects.toMatchObject({ code: 'NOT_ELIGIBLE' })
  })
})

test('of many asks of one person at the same moment five are looked at, and nobody else waits for them', async () => {
  const person = entra.graphCalls.length
  await useCases.ask('nils')
  const ofOne = entra.graphCalls.length - person
  const before = entra.graphCalls.length
  const asks = await Promise.allSettled(Array.from({ length: 40 }, () => useCases.ask('noor')))
  const refused = asks.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
  expect(refused).toHaveLength(35)
  for (const error of refused) expect(error).toMatchObject({ code: 'TOO_MANY' })
  expect(entra.graphCalls.length - before).toBeLessThanOrEqual(5 * (ofOne + 1))
  expect((await useCases.ask('selma')).status).toBe('pending')
})

describe('vends of one grant', () => {
  // Each vend by a new process, which has no cached credentials.
  const vend = (grantId: string) =>
    vendCredentials({ ...deps, credentialsCache: makeCredentialsCache() }, useCases.as('oona'), grantId)

  test('are 120 an hour, not 121: then AWS is not asked, the refusal is audited, and an hour later it goes on', async () => {
    const grantId = await granted('oona')
    await fill('vends', grantId, 119)
    await vend(grantId)
    const before = aws.journal.entries().length
    await expect(vend(grantId)).rejects.toMatchObject({
      code: 'TOO_MANY',
      message: expect.stringContaining('120 times'),
    })
    expect(aws.journal.entries()).toHaveLength(before)
    expect(await useCases.events('vend.intended')).toHaveLength(1)
    expect(await useCases.events('vend.refused')).toMatchObject([{ code: 'TOO_MANY', grantId }])
    const index = `${prefix}:index:vends:${grantId}`
    const [oldest = ''] = await redis.zrange(index, '0', '0')
    await redis.zadd(index, Date.now() - HOUR - 1, oldest)
    expect(await vend(grantId)).toMatchObject({ expiresAt: expect.any(String) })
    expect(await redis.zcard(index)).toBeLessThanOrEqual(120)
  })

  test('do not stand in each other’s way: none of them moves the grant', async () => {
    const grantId = await granted('oona')
    // Only the first vend from an address is audited; the grant records the address.
    await vend(grantId)
    const before = await useCases.record.read('grant', grantId)
    const credentialsCache = await Promise.all(Array.from({ length: 30 }, () => vend(grantId)))
    expect(new Set(credentialsCache.map(({ accessKeyId }) => accessKeyId)).size).toBe(30)
    expect(await useCases.record.read('grant', grantId)).toEqual(before)
  })

  test('come too late once an end was committed between reading the grant and the intent', async () => {
    const grantId = await granted('oona')
    let ended = 0
    const directory: typeof deps.directory = {
      ...deps.directory,
      async person(objectId, signal) {
        ended += 1
        await endGrant(deps, useCases.as('oona'), grantId)
        return deps.directory.person(objectId, signal)
      },
    }
    const before = useCases.calls('AssumeRole')
    const vending = vendCredentials({ ...deps, directory }, useCases.as('oona'), grantId)
    await expect(vending).rejects.toMatchObject({ code: 'OVER' })
    expect(ended).toBe(1)
    expect(useCases.calls('AssumeRole')).toBe(before)
  })
})

async function granted(person: PersonName): Promise<string> {
  entra.tenant.join(GROUPS.finance, PEOPLE[person])
  return useCases.granted(person)
}

describe('a version that somebody wrote into Redis', () => {
  test.each(['junk', 'NaN', '0', '-1'])(
    '%s keeps nobody busy: review, cancel, vend and end are answered',
    async (version) => {
      const grantId = await granted('dirk')
      const { requestId } = (await useCases.grant(grantId)).terms
      for (const key of [`request:${requestId}`, `grant:${grantId}`]) await redis.hset(`${prefix}:${key}`, { version })
      const comes = [
        reviewAccessRequest(deps, useCases.as('dana'), requestId, { decision: 'deny', comment: '' }),
        cancelRequest(deps, useCases.as('dirk'), requestId),
        vendCredentials(deps, useCases.as('dirk'), grantId),
        endGrant(deps, useCases.as('dirk'), grantId),
      ]
      const settled = await Promise.allSettled(comes)
      expect(settled.map(({ status }) => status)).toEqual(comes.map(() => 'rejected'))
    },
  )

  test('of a role’s list of denials holds no early end up', async () => {
    const grantId = await granted('oona')
    await redis.hset(`${prefix}:deny:111122223333.prod`, { version: 'junk' })
    await endGrant(deps, useCases.as('oona'), grantId)
    await revokeGrant(deps, grantId)
    expect((await useCases.grant(grantId)).status).toBe('revoked')
    expect(useCases.denyDocument().denied).toContain(sessionUserId(useCases.principal, grantId))
  })
})

describe('the due entry of a grant that is over', () => {
  async function over(): Promise<string> {
    const grantId = await granted('oona')
    await endGrant(deps, useCases.as('oona'), grantId)
    await revokeGrant(deps, grantId)
    return grantId
  }

  test('is taken out and audited, so that no sweep names its job for ever', async () => {
    const grantId = await over()
    await redis.zadd(`${prefix}:due:grants`, Date.now() - 60_000, grantId)
    await revokeGrant(deps, grantId)
    expect(await redis.zscore(`${prefix}:due:grants`, grantId)).toBeNull()
    expect(await useCases.events('grant.due-taken-out')).toMatchObject([{ grantId }])
    expect((await useCases.grant(grantId)).status).toBe('revoked')
  })

  test('is not there as a rule: a late job then writes nothing', async () => {
    const grantId = await over()
    const before = await dump(redis, prefix)
    await revokeGrant(deps, grantId)
    expect(await dump(redis, prefix)).toEqual(before)
  })
})

test('what a refused person wrote is kept in part only', async () => {
  const scopes = Array.from({ length: 10 }, (_, n) => parseScope(`s3://payroll/${n}/${'x'.repeat(900)}/`))
  const ask = requestAccess(deps, useCases.as('max'), { scopes, levels: ['write'], reason: 'all of it' })
  await expect(ask).rejects.toMatchObject({ code: 'NOT_ELIGIBLE' })
  const events = await useCases.events('ask.refused')
  const event = events.find((one) => 'actor' in one && JSON.stringify(one.actor).includes(PEOPLE.max))
  expect(event).toMatchObject({ code: 'NOT_ELIGIBLE', scopes: expect.objectContaining({ length: 3 }) })
  expect(JSON.stringify(event).length).toBeLessThan(4_000)
})
