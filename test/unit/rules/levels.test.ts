import { expect, test } from 'vitest'
import { ACTIONS, LEVELS, sortLevels } from '../../../src/rules/levels.ts'

test('levels come once each, in one order', () => {
  expect(sortLevels(['delete', 'read', 'delete', 'write', 'read'])).toEqual(['read', 'write', 'delete'])
  expect(sortLevels([])).toEqual([])
})

test('no level holds a wildcard, another service, or an action that outlives or outgrows its scope', () => {
  const actions = LEVELS.flatMap((level) => ACTIONS[level].object)
  const never =
    /\*|Acl|Policy|Retention|LegalHold|Governance|Replicat|Owner|Version|Tagging|Bucket|Encryption|Annotation/
  for (const action of actions) {
    expect(action).toMatch(/^s3:[A-Za-z]+$/)
    expect(action).not.toMatch(never)
  }
})

test('no action belongs to two levels, so that dropping a level takes its actions away', () => {
  const actions = LEVELS.flatMap((level) => ACTIONS[level].object)
  expect(new Set(actions).size).toBe(actions.length)
})
