import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { GROUPS, PEOPLE, type PersonName } from '../../../sandbox/entra/fixture.ts'
import type { AccessRequest } from '../../../src/access-requests/access-request.ts'
import { cancelRequest } from '../../../src/access-requests/cancel-request.ts'
import { extendGrant } from '../../../src/access-requests/extend-grant.ts'
import { requestAccess } from '../../../src/access-requests/request-access.ts'
import { reviewAccessRequest } from '../../../src/access-requests/review/review-access-request.ts'
import { deniedUntil } from '../../../src/grants/session/deny-list.ts'
import { parseRules } from '../../../src/rules/file/parse-rules.ts'
import { parseScope } from '../../../src/rules/scope.ts'
import { newId } from '../../../src/store/ids.ts'
import type { RecordPort } from '../../../src/store/record-store.ts'
import { until } from '../../fixtures/redis-record.ts'
import { openOffice } from '../../fixtures/use-cases.ts'
import { RULES } from '../../fixtures/world.ts'

/** Every grant that may have to be denied reserves a deny slot on one replica of the role when it is requested. */

const HOUR_MS = 3_600_000
const PLACES = 150
const COPIES = ['111122223333.prod', '111122223333.prod-2'] as const
const [FIRST, SECOND] = COPIES
const copiesIs = (copies: number) => RULES.replace('latchkey/prod }', `latchkey/prod, copies: ${copies} }`)

const office = await openOffice('places', { rules: copiesIs(2), seed: { replicas: 2 } })
const redis = await office.ground.open('request')
const { deps } = office
for (const person of ['oona', 'max'] as const) office.entra.tenant.join(GROUPS.finance, PEOPLE[person])
let asked: AccessRequest[] = []

beforeEach(async () => {
  for (const { id, requester } of asked) await cancelRequest(deps, caller(requester.objectId), id).catch(onlyIfPending)
  asked = []
  await redis.del(...COPIES.map(keyOf))
})
afterAll(() => office.close())

const keyOf = (copy: string) => `${office.ground.prefix}:index:on-role:${copy}`
const caller = (objectId: string) => ({ ...office.as('rita'), objectId })

function onlyIfPending(error: unknown): void {
  if (!String(error).includes('already')) throw error
}

/** Leaves this many free deny slots on a replica. */
async function leave(copy: string, places: number, at = Date.now() + HOUR_MS): Promise<void> {
  await redis.zadd(keyOf(copy), ...Array.from({ length: PLACES - places }, () => [at, newId('g')]).flat())
}

async function ask(person: PersonName = 'rita'): Promise<AccessRequest> {
  const request = await office.ask(person)
  asked.push(request)
  return request
}

async function approve({ id }: AccessRequest): Promise<string> {
  const { grantId = '' } = await reviewAccessRequest(deps, office.as('dana'), id, { decision: 'approve', comment: '' })
  return grantId
}

const copyOf = ({ principal }: AccessRequest) =>
  `${principal.account}.${principal.driver === 'session' ? principal.roleArn.split('/').at(-1) : ''}`
const holders = (copy: string) => redis.zrange(keyOf(copy), '-inf', '+inf', 'BYSCORE')

/** A record whose first commits wait until this many have come. */
function meetingAtTheCommit(count: number): RecordPort {
  let missing = count
  return {
    ...deps.record,
    async commit(commit) {
      missing -= 1
      await until(() => missing <= 0)
      return await deps.record.commit(commit)
    },
  }
}

describe('a place on a copy of the elevation role', () => {
  test('is held by a request, so that the next copy is taken when 150 requests and grants fill one', async () => {
    await leave(FIRST, 1)
    const last = await ask()
    expect(copyOf(last)).toBe(FIRST)
    expect(copyOf(await ask('finn'))).toBe(SECOND)
    await cancelRequest(deps, office.as('rita'), last.id)
    expect(copyOf(await ask())).toBe(FIRST)
  })

  test('is there for nobody once every copy is full, until something on one of them is over', async () => {
    await leave(SECOND, 0)
    await leave(FIRST, 0)
    const before = await office.events('request.asked')
    await expect(ask()).rejects.toMatchObject({ code: 'QUOTA_FULL', message: expect.stringContaining('150') })
    expect(await office.events('request.asked')).toEqual(before)
    await redis.zadd(keyOf(SECOND), Date.now() - 1, (await holders(SECOND))[0] ?? '')
    expect(copyOf(await ask())).toBe(SECOND)
  })

  test('that is the last goes to one of those who ask at once', async () => {
    await leave(FIRST, 0)
    await leave(SECOND, 1)
    const people = ['rita', 'finn', 'nils'] as const
    const record = meetingAtTheCommit(people.length)
    const input = { scopes: [parseScope('s3://finance-reports/2026/')], levels: ['read'], reason: 'month-end' } as const
    const asks = await Promise.allSettled(
      people.map((person) => requestAccess({ ...deps, record }, office.as(person), input)),
    )
    asked = asks.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    expect(asked.map(copyOf)).toEqual([SECOND])
    for (const one of asks) {
      if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'QUOTA_FULL' })
    }
    expect(await holders(SECOND)).toHaveLength(PLACES)
  })

  test('goes from the request to its grant, and stays with it as long as it can have to be denied', async () => {
    const request = await ask('oona')
    expect(await holders(FIRST)).toEqual([request.id])
    const grantId = await approve(request)
    expect(await holders(FIRST)).toEqual([grantId])
    const { terms } = await office.grant(grantId)
    expect(Number(await redis.zscore(keyOf(FIRST), grantId))).toBe(Date.parse(deniedUntil(terms)))
  })

  test('is held for longer by a grant that is extended', async () => {
    const grantId = await office.granted('max')
    const again = { durationMinutes: 120, reason: 'the export still runs' }
    await approve(await extendGrant(deps, office.as('max'), grantId, again))
    const { terms } = await office.grant(grantId)
    expect(terms.durationMinutes).toBe(120)
    expect(await holders(FIRST)).toEqual([grantId])
    expect(Number(await redis.zscore(keyOf(FIRST), grantId))).toBe(Date.parse(deniedUntil(terms)))
  })

  test('on a copy that the rules no longer have gets no yes', async () => {
    await leave(FIRST, 0)
    const { id } = await ask()
    const later = { ...deps, rules: parseRules(copiesIs(1)) }
    const click = reviewAccessRequest(later, office.as('dana'), id, { decision: 'approve', comment: '' })
    await expect(click).rejects.toMatchObject({ message: expect.stringContaining('another role') })
  })
})
