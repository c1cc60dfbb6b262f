import { expect, test } from 'vitest'
import { LatchkeyError } from '../../../src/errors.ts'
import type { Person } from '../../../src/rules/directory.ts'
import { findApprovers } from '../../../src/rules/find-approvers.ts'
import { ADA, BO, entitlement, LEAD, OWNERS, person } from './a-rules-file.ts'

const ada = person(ADA)

/** A directory made from one table. */
function directoryOf(table: { people?: readonly Person[]; manager?: Person; owners?: readonly Person[] }) {
  return {
    person: async (objectId: string) => table.people?.find((candidate) => candidate.objectId === objectId),
    managerOf: async (objectId: string) => (objectId === ADA ? table.manager : undefined),
    membersOf: async (groupId: string) => (groupId === OWNERS ? (table.owners ?? []) : []),
  }
}

test('everybody whom the rules name is asked once, in the order of the rules', async () => {
  const cleo = person('cccccccc-0000-4000-8000-00000000000c')
  const directory = directoryOf({
    people: [person(LEAD)],
    manager: person(BO),
    owners: [cleo, person(BO), person(LEAD)],
  })
  const asked = await findApprovers(directory, entitlement('clean-up'), ada)
  expect(asked.map(({ person: { objectId }, as }) => [objectId, as])).toEqual([
    [BO, 'manager'],
    [cleo.objectId, 'group:owners'],
    [LEAD, 'group:owners'],
  ])
})

test('of a large group fifty people are asked, and none of them twice', async () => {
  const owners = Array.from({ length: 60 }, (_, n) => person(`cccccccc-0000-4000-8000-${String(n).padStart(12, '0')}`))
  const asked = await findApprovers(directoryOf({ manager: person(BO), owners }), entitlement('clean-up'), ada)
  expect(asked.map((one) => one.person)).toEqual([person(BO), ...owners.slice(0, 49)])
})

test('the requester, the disabled, guests and other tenants are never asked', async () => {
  const directory = directoryOf({
    people: [person(LEAD, { enabled: false })],
    manager: ada,
    owners: [ada, person(BO, { guest: true }), person(BO, { tenantId: 'other' })],
  })
  expect(await findApprovers(directory, entitlement('clean-up'), ada)).toEqual([])
})

test('a requester without a manager has nobody to ask where the rules name the manager alone', async () => {
  expect(await findApprovers(directoryOf({}), entitlement('month-end'), ada)).toEqual([])
})

test('a directory that does not answer is not read as nobody', async () => {
  const silent = new LatchkeyError('UNAVAILABLE', { what: 'the directory', retryAfterSeconds: 5 })
  const directory = { ...directoryOf({}), managerOf: () => Promise.reject(silent) }
  await expect(findApprovers(directory, entitlement('month-end'), ada)).rejects.toBe(silent)
})

test('the bound of time is handed to every question', async () => {
  const { signal } = new AbortController()
  const seen: unknown[] = []
  const hear =
    <T>(answer: T) =>
    async (_id: string, given?: AbortSignal) => {
      seen.push(given)
      return answer
    }
  const directory = { person: hear(undefined), managerOf: hear(undefined), membersOf: hear([]) }
  await findApprovers(directory, entitlement('clean-up'), ada, signal)
  expect(seen).toEqual([signal, signal, signal])
})
