import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { BROKEN, THROTTLED } from '../../../sandbox/aws/faults.ts'
import { isLatchkeyError } from '../../../src/errors.ts'
import { isGrantPolicy, policyNameOf } from '../../../src/grants/iam-entity.ts'
import { parseRules } from '../../../src/rules/file/parse-rules.ts'
import { activateGrant } from '../../../workers/activate-grant.ts'
import type { JobOutcome } from '../../../workers/job-handler.ts'
import { revokeGrant } from '../../../workers/revoke-grant.ts'
import { openDenyListUseCases } from '../../fixtures/deny-list.ts'
import { RECOVERY_RULES, RECOVERY_SEED } from '../../fixtures/recovery-rules.ts'

/** Every fault of AWS for each driver, from the approval to the early end, and the state that the grant reaches. */

const useCases = await openDenyListUseCases('bad-luck', { rules: RECOVERY_RULES, seed: RECOVERY_SEED })
const { deps, aws } = useCases
afterEach(() => {
  aws.faults.clear()
  aws.clock.skew(0)
  // A user can carry at most two grant policies.
  const { inline } = aws.state.users.get('finn') ?? {}
  for (const name of inline?.current().keys() ?? []) if (isGrantPolicy(name)) inline?.delete(name, aws.clock.now())
})
afterAll(() => useCases.close())

/** The call that gives access and the call that ends it. */
const DRIVERS = [
  { driver: 'session', person: 'rita', gives: 'AssumeRole', ends: 'PutRolePolicy' },
  { driver: 'attach', person: 'finn', gives: 'PutUserPolicy', ends: 'DeleteUserPolicy' },
] as const
type Way = (typeof DRIVERS)[number]
type Job = (grantId: string) => Promise<JobOutcome>

/** The number of times that a call is sent before it is given up. */
const TRIES = 3
const TEN_MINUTES_MS = 600_000

const activate: Job = (grantId) => activateGrant(deps, grantId)
const revoke: Job = (grantId) => revokeGrant(deps, grantId)

const approvedFor = ({ person }: Way) => useCases.approved(person)
const endingFor = async ({ person }: Way) => useCases.ending(await useCases.granted(person))
const statusOf = async (grantId: string) => (await useCases.grant(grantId)).status
const endOf = async (grantId: string) => (await useCases.grant(grantId)).end

async function alarmsOf(grantId: string): Promise<readonly object[]> {
  const alarms = await useCases.events('alarm.revoke-overdue')
  return alarms.filter((event) => 'grantId' in event && event.grantId === grantId)
}

async function askedFor(grantId: string): Promise<object | undefined> {
  const asked = await useCases.events('grant.end-asked')
  return asked.find((event) => 'grantId' in event && event.grantId === grantId)
}

/** True while AWS still allows anything by the grant. */
function isOpen(grantId: string, { driver }: Way): boolean {
  if (driver === 'session') return !useCases.isDenied(grantId)
  return aws.state.users.get('finn')?.inline.current().has(policyNameOf(grantId)) ?? false
}

/** Repeats the job while AWS cannot be reached or another job has the lease, as the queue does. */
async function untilDone(job: Job, grantId: string): Promise<number> {
  for (let failures = 0; ; failures += 1) {
    try {
      const { againAt } = await job(grantId)
      if (againAt === undefined) return failures
    } catch (error) {
      if (!isLatchkeyError(error, 'UNAVAILABLE')) throw error
    }
  }
}

describe.each(DRIVERS)('the driver $driver', (way) => {
  const acts = [
    { act: 'an activation', call: way.gives, begin: approvedFor, job: activate, before: 'activating', after: 'active' },
    { act: 'an early end', call: way.ends, begin: endingFor, job: revoke, before: 'revoking', after: 'revoked' },
  ] as const

  describe.each(acts)('$act', ({ call, begin, job, before, after }) => {
    const faults = [
      ['is throttled', THROTTLED],
      ['is answered by 500', BROKEN],
    ] as const

    test.each(faults)('that %s to the last try says nothing yet, and the next job does it', async (_fault, failure) => {
      const grantId = await begin(way)
      aws.faults.fail({ action: call }, { ...failure, times: TRIES })
      await expect(job(grantId)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
      expect(await statusOf(grantId)).toBe(before)
      await job(grantId)
      expect(await statusOf(grantId)).toBe(after)
      expect(isOpen(grantId, way)).toBe(after === 'active')
    })

    test('that is answered late is done all the same', async () => {
      const grantId = await begin(way)
      const held = aws.faults.hold({ action: call })
      const running = job(grantId)
      await held.arrived
      expect(await statusOf(grantId)).toBe(before)
      held.release()
      await running
      expect(await statusOf(grantId)).toBe(after)
      expect(isOpen(grantId, way)).toBe(after === 'active')
    })

    test('whose answers are all lost is done once, and known to be', async () => {
      const grantId = await begin(way)
      aws.faults.loseReply({ action: call }, TRIES)
      await untilDone(job, grantId)
      expect(await statusOf(grantId)).toBe(after)
      expect(isOpen(grantId, way)).toBe(after === 'active')
    })
  })

  test.each([TEN_MINUTES_MS, -TEN_MINUTES_MS])(
    'activates nothing while the clock of AWS is off by %i ms, and ends early all the same',
    async (offMs) => {
      const ending = await endingFor(way)
      const grantId = await approvedFor(way)
      aws.clock.skew(offMs)
      await activate(grantId)
      expect(await endOf(grantId)).toMatchObject({ cause: 'activation-failed' })
      expect(await askedFor(grantId)).toMatchObject({ detail: expect.stringContaining('ClockSkew') })
      for (const id of [ending, grantId]) {
        await revoke(id)
        expect(await statusOf(id)).toBe('revoked')
        expect(isOpen(id, way)).toBe(false)
      }
    },
  )

  test('with credentials of our own that are over keeps an early end due and loud, and carries it out with new ones', async () => {
    const grantId = await endingFor(way)
    const at = new Date(Date.now() - 31_000).toISOString()
    await useCases.overwrite(grantId, (grant) => ({ ...grant, end: { ...grant.end, at } }))
    aws.faults.fail({}, { code: 'ExpiredToken', status: 403, times: Number.POSITIVE_INFINITY })
    await expect(revoke(grantId)).rejects.toMatchObject({ code: 'AWS_REFUSED', facts: { awsCode: 'ExpiredToken' } })
    expect(await statusOf(grantId)).toBe('revoking')
    expect(await alarmsOf(grantId)).toMatchObject([{ sentence: expect.stringContaining('give it new ones') }])
    aws.faults.clear()
    await revoke(grantId)
    expect(await statusOf(grantId)).toBe('revoked')
    expect(isOpen(grantId, way)).toBe(false)
  })

  test('with credentials of our own that are over grants nothing, and says who must renew them', async () => {
    const grantId = await approvedFor(way)
    aws.faults.fail({}, { code: 'ExpiredToken', status: 403, times: Number.POSITIVE_INFINITY })
    await activate(grantId)
    expect(await endOf(grantId)).toMatchObject({ cause: 'activation-failed' })
    expect(await askedFor(grantId)).toMatchObject({ detail: expect.stringContaining('give it new ones') })
    aws.faults.clear()
    await revoke(grantId)
    expect(await statusOf(grantId)).toBe('revoked')
  })
})

test('what is never answered is given up and asked again: each activation is active, each early end in force', async () => {
  const begun = await Promise.all(
    DRIVERS.map(async (way) => ({ way, waiting: await approvedFor(way), ending: await endingFor(way) })),
  )
  for (const { gives, ends } of DRIVERS) for (const action of [gives, ends]) aws.faults.silence({ action })
  await Promise.all(begun.flatMap(({ waiting, ending }) => [untilDone(activate, waiting), untilDone(revoke, ending)]))
  for (const { way, waiting, ending } of begun) {
    expect([await statusOf(waiting), await statusOf(ending)]).toEqual(['active', 'revoked'])
    expect([isOpen(waiting, way), isOpen(ending, way)]).toEqual([true, false])
  }
})

test('a role that is made again under its name: its grant vends nothing more, and its early end comes to an end', async () => {
  const grantId = await useCases.granted('rita')
  aws.state.roles.set('prod', { ...useCases.role, roleId: 'AROAANOTHERONE0000000' })
  await expect(useCases.vend(grantId)).rejects.toMatchObject({ code: 'AWS_REFUSED' })
  await revoke(await useCases.ending(grantId))
  aws.state.roles.set('prod', useCases.role)
  expect(await statusOf(grantId)).toBe('revoked')
})

test('an early end of an attached grant whose mark has no room takes the policy at once, and is called revoked when AWS remembers it', async () => {
  const way = DRIVERS[1]
  const grantId = await endingFor(way)
  useCases.role.inline.put('other', JSON.stringify({ Filler: 'x'.repeat(9_900) }), aws.clock.now())
  await expect(revoke(grantId)).rejects.toMatchObject({ code: 'QUOTA_FULL' })
  expect(isOpen(grantId, way)).toBe(false)
  expect(await statusOf(grantId)).toBe('revoking')
  useCases.role.inline.delete('other', aws.clock.now())
  await revoke(grantId)
  expect(await statusOf(grantId)).toBe('revoked')
})

test.each(['prod', 'lab'])(
  'one bucket under two accounts is refused when the rules are read, the second time under %s',
  (account) => {
    const line = '  finance-reports: { account: prod, region: eu-west-1, owners: ["group:data-owners"] }\n'
    const lab = RECOVERY_RULES.replace(
      'buckets:',
      '  lab: { id: "222233334444", elevationRole: latchkey/lab }\nbuckets:',
    )
    expect(() => parseRules(lab)).not.toThrow()
    const twice = lab.replace(line, line + line.replace('prod', account))
    expect(() => parseRules(twice)).toThrow(/buckets.finance-reports: This key is here twice/)
  },
)
