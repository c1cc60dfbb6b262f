import { describe, expect, test } from 'vitest'
import type { Matcher } from '../../sandbox/aws/faults.ts'
import { type Chaos, expectNothingSince, holdAll, matcherFor, sessionsOf, withChaos } from '../fixtures/chaos.ts'

const WHEN = ['before', 'after'] as const

interface Crash {
  readonly grantId: string
  readonly matcher: Matcher
  readonly when: (typeof WHEN)[number]
}

/** Every call of one activation, as AWS saw it. A call that is added later is tested too. */
async function callsOfOneActivation(chaos: Chaos) {
  // The first activation also includes what workers do when they start.
  await chaos.active()
  const since = chaos.world.aws.journal.entries().length
  const grantId = await chaos.active()
  return { grantId, calls: chaos.workersCalls(since) }
}

/** One grant for each call and each side of its effect. No worker runs yet. */
async function approveOneForEach(chaos: Chaos): Promise<readonly Crash[]> {
  const { grantId: model, calls } = await callsOfOneActivation(chaos)
  expect(calls.map(({ action }) => action)).toContain('AssumeRole')
  await chaos.world.kill('workers', 'SIGTERM')
  const crashes: Crash[] = []
  for (const call of calls) {
    for (const when of WHEN) {
      const grantId = await chaos.approved({ minutes: 1 })
      crashes.push({ grantId, matcher: matcherFor(call, model, grantId), when })
    }
  }
  return crashes
}

/** The end is on record and in the due index before AWS has answered. */
async function expectEndOnRecord(chaos: Chaos, grantId: string): Promise<void> {
  const { status, endsAt = '' } = await chaos.record(grantId)
  expect(status).toBe('activating')
  expect(Date.parse(endsAt)).toBeGreaterThan(Date.now())
  expect(await chaos.due(grantId)).toBe(String(Date.parse(endsAt)))
}

describe('workers that die at any call of an activation, before or after its effect', () => {
  test('had the end on record before; the grant becomes active once, and ends on time by the clock of AWS alone', async () => {
    await withChaos(async (chaos) => {
      const { world } = chaos
      await world.startWorkers()
      const crashes = await approveOneForEach(chaos)
      const held = crashes.map(({ matcher, when }) => holdAll(chaos, matcher, { when }))
      await world.startWorkers()
      await Promise.all(held.map(({ arrived }) => arrived))
      for (const { grantId } of crashes) await expectEndOnRecord(chaos, grantId)
      await world.kill('workers', 'SIGKILL')
      for (const one of held) one.drop()
      world.aws.faults.clear()

      await world.startWorkers()
      for (const { grantId } of crashes) await chaos.untilStatus(grantId, 'active')
      const kept = await Promise.all(crashes.map(({ grantId }) => chaos.vend(grantId)))
      for (const one of kept) expect(await chaos.write(one)).toBe('written')

      world.aws.clock.advance(60_000)
      for (const { grantId } of crashes) {
        const { endsAt = '' } = await chaos.record(grantId)
        for (const session of sessionsOf(chaos, grantId)) expect(await chaos.write(session)).toBe('AccessDenied')
        expectNothingSince(chaos, grantId, endsAt)
        expect(await chaos.audit('grant.activated', grantId)).toHaveLength(1)
      }
      // A call that had its effect before the crash left a session, which was tried above like the others.
      expect(sessionsOf(chaos, crashes.at(-1)?.grantId ?? '').length).toBeGreaterThanOrEqual(3)
    })
  }, 120_000)
})
