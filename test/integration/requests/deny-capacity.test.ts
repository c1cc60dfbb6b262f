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
import { openUseCases } from '../../fixtures/use-cases.ts'
import { RULES } from '../../fixtures/world.ts'

/** Every grant that may have to be denied reserves a deny slot on one replica of the role when it is requested. */

const HOUR_MS = 3_600_000
const SLOTS = 150
const REPLICAS = ['111122223333.prod', '111122223333.prod-2'] as const
const [FIRST, SECOND] = REPLICAS
const replicasAre = (copies: number) => RULES.replace('latchkey/prod }', `latchkey/prod, copies: ${copies} }`)

const useCases = await openUseCases('places', { rules: replicasAre(2), seed: { replicas: 2 } })
const redis = await useCases.fixture.open('request')
const { deps } = useCases
for (const person of ['oona', 'max'] as const) useCases.entra.tenant.join(GROUPS.finance, PEOPLE[person])
let asked: AccessRequest[] = []

beforeEach(async () => {
  for (const { id, requester } of asked) await cancelRequest(deps, caller(requester.objectId), id).catch(onlyIfPending)
  asked = []
  await redis.del(...REPLICAS.map(keyOf))
})
afterAll(() => useCases.close())

const keyOf = (replica: string) => `${useCases.fixture.prefix}:index:on-role:${replica}`
const caller = (objectId: string) => ({ ...useCases.as('rita'), objectId })

function onlyIfPending(error: unknown): void {
  if (!String(error).includes('already')) throw error
}

/** Leaves this many free deny slots on a replica. */
async function leaveSlots(replica: string, slots: number, at = Date.now() + HOUR_MS): Promise<void> {
  await redis.zadd(keyOf(replica), ...Array.from({ length: SLOTS - slots }, () => [at, newId('g')]).flat())
}

async function ask(person: PersonName = 'rita'): Promise<AccessRequest> {
  const request = await useCases.ask(person)
  asked.push(request)
  return request
}

async function approve({ id }: AccessRequest): Promise<string> {
  const { grantId = '' } = await reviewAccessRequest(deps, useCases.as('dana'), id, {
    decision: 'approve',
    comment: '',
  })
  return grantId
}

const replicaOf = ({ principal }: AccessRequest) =>
  `${principal.account}.${principal.driver === 'session' ? principal.roleArn.split('/').at(-1) : ''}`
const idsOn = (replica: string) => redis.zrange(keyOf(replica), '-inf', '+inf', 'BYSCORE')

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
    await leaveSlots(FIRST, 1)
    const last = await ask()
    expect(replicaOf(last)).toBe(FIRST)
    expect(replicaOf(await ask('finn'))).toBe(SECOND)
    await cancelRequest(deps, useCases.as('rita'), last.id)
    expect(replicaOf(await ask())).toBe(FIRST)
  })

  test('is there for nobody once every copy is full, until something on one of them is over', async () => {
    await leaveSlots(SECOND, 0)
    await leaveSlots(FIRST, 0)
    const before = await useCases.events('request.asked')
    await expect(ask()).rejects.toMatchObject({ code: 'QUOTA_FULL', message: expect.stringContaining('150') })
    expect(await useCases.events('request.asked')).toEqual(before)
    await redis.zadd(keyOf(SECOND), Date.now() - 1, (await idsOn(SECOND))[0] ?? '')
    expect(replicaOf(await ask())).toBe(SECOND)
  })

  test('that is the last goes to one of those who ask at once', async () => {
    await leaveSlots(FIRST, 0)
    await leaveSlots(SECOND, 1)
    const people = ['rita', 'finn', 'nils'] as const
    const record = meetingAtTheCommit(people.length)
    const input = { scopes: [parseScope('s3://finance-reports/2026/')], levels: ['read'], reason: 'month-end' } as const
    const asks = await Promise.allSettled(
      people.map((person) => requestAccess({ ...deps, record }, useCases.as(person), input)),
    )
    asked = asks.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    expect(asked.map(replicaOf)).toEqual([SECOND])
    for (const one of asks) {
      if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'QUOTA_FULL' })
    }
    expect(await idsOn(SECOND)).toHaveLength(SLOTS)
  })

  test('goes from the request to its grant, and stays with it as long as it can have to be denied', async () => {
    const request = await ask('oona')
    expect(await idsOn(FIRST)).toEqual([request.id])
    const grantId = await approve(request)
    expect(await idsOn(FIRST)).toEqual([grantId])
    const { terms } = await useCases.grant(grantId)
    expect(Number(await redis.zscore(keyOf(FIRST), grantId))).toBe(Date.parse(deniedUntil(terms)))
  })

  test('is held for longer by a grant that is extended', async () => {
    const grantId = await useCases.granted('max')
    const again = { durationMinutes: 120, reason: 'the export still runs' }
    await approve(await extendGrant(deps, useCases.as('max'), grantId, again))
    const { terms } = await useCases.grant(grantId)
    expect(terms.durationMinutes).toBe(120)
    expect(await idsOn(FIRST)).toEqual([grantId])
    expect(Number(await redis.zscore(keyOf(FIRST), grantId))).toBe(Date.parse(deniedUntil(terms)))
  })

  test('on a copy that the rules no longer have gets no yes', async () => {
    await leaveSlots(FIRST, 0)
    const { id } = await ask()
    const later = { ...deps, rules: parseRules(replicasAre(1)) }
    const click = reviewAccessRequest(later, useCases.as('dana'), id, { decision: 'approve', comment: '' })
    await expect(click).rejects.toMatchObject({ message: expect.stringContaining('another role') })
  })
})
