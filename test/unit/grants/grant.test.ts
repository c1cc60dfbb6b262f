import { expect, test } from 'vitest'
import { type Grant, type GrantStatus, isOver, moveGrant, refuseIfNotActive } from '../../../src/grants/grant.ts'
import { genuine, someGrant } from './a-grant.ts'

const LEGAL: readonly (readonly [GrantStatus, GrantStatus])[] = [
  ['activating', 'activating'],
  ['activating', 'active'],
  ['activating', 'revoking'],
  ['active', 'active'],
  ['active', 'revoking'],
  ['revoking', 'revoking'],
  ['revoking', 'expired'],
  ['revoking', 'revoked'],
]
const ALL: readonly GrantStatus[] = ['activating', 'active', 'revoking', 'expired', 'revoked']
const PAIRS = ALL.flatMap((from) => ALL.map((to) => [from, to] as const))

function moveTo(from: Grant, to: GrantStatus): Grant {
  return to === 'activating' || to === 'active' ? genuine(from).moveTo(to) : moveGrant(from, to)
}

test.each(PAIRS)('a grant moves from %s to %s only if the table says so', (from, to) => {
  const move = () => moveTo(someGrant({ status: from }), to)
  const legal = LEGAL.some(([a, b]) => a === from && b === to)
  if (legal) expect(move().status).toBe(to)
  else expect(move).toThrow(`cannot move from ${from} to ${to}`)
})

test('a grant that is over never gives access again', () => {
  for (const status of ALL.filter((one) => isOver(someGrant({ status: one })))) {
    for (const to of ALL) expect(() => moveTo(someGrant({ status }), to)).toThrow('cannot move')
  }
})

test.each([
  { status: 'activating', nowMs: 0, says: 'still being activated' },
  { status: 'revoking', nowMs: 0, says: 'ended at' },
  { status: 'expired', nowMs: 0, says: 'ended at' },
  { status: 'revoked', nowMs: 0, says: 'ended at' },
] as const)('a grant that is $status gives nothing, and says so', ({ status, nowMs, says }) => {
  expect(() => refuseIfNotActive(someGrant({ status }), nowMs)).toThrow(says)
})

test('an active grant gives nothing from its end on, to the millisecond', () => {
  const grant = someGrant({ status: 'active', endsAt: '2026-11-22T10:45:00.000Z' })
  const endsAtMs = Date.parse('2026-11-22T10:45:00.000Z')
  expect(() => refuseIfNotActive(grant, endsAtMs - 1)).not.toThrow()
  expect(() => refuseIfNotActive(grant, endsAtMs)).toThrow('ended at 2026-11-22T10:45:00.000Z')
})
