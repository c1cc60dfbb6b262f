import { expect, test } from 'vitest'
import { ACTIONS, ASKABLE_LEVELS, LEVELS, NEVER, sortLevels } from '../../../src/rules/levels.ts'

test('levels come once each, in one order', () => {
  expect(sortLevels(['delete', 'read', 'delete', 'write', 'read'])).toEqual(['read', 'write', 'delete'])
  expect(sortLevels([])).toEqual([])
})

test('no level that can be asked for holds a wildcard, another service, or an action that outlives or outgrows its scope', () => {
  const never = /\*|Acl|Policy|Retention|LegalHold|Governance|Replicat|Owner|VersionTagging|Encryption|Annotation/
  for (const level of ASKABLE_LEVELS) {
    const { object, list, bucket, key } = ACTIONS[level]
    for (const action of [...object, ...list]) {
      expect(action).toMatch(/^s3:[A-Za-z]+$/)
      expect(action).not.toMatch(never)
    }
    expect(bucket).toEqual([])
    for (const action of key) expect(['kms:Decrypt', 'kms:GenerateDataKey']).toContain(action)
  }
})

test('versions are touched by the level purge alone, and tags by the level tag alone', () => {
  for (const level of LEVELS) {
    const actions = [...ACTIONS[level].object, ...ACTIONS[level].list]
    expect(actions.some((action) => action.includes('Version'))).toBe(level === 'purge')
    expect(actions.some((action) => action.includes('Tagging'))).toBe(level === 'tag')
  }
})

test('no action on objects belongs to two levels, so that dropping a level takes its actions away', () => {
  const actions = LEVELS.flatMap((level) => [...ACTIONS[level].object, ...ACTIONS[level].bucket])
  expect(new Set(actions).size).toBe(actions.length)
})

test('what must never be done leaves room in the role for its Deny document', () => {
  expect(JSON.stringify(NEVER).length).toBeLessThan(800)
})
