import { expect, test } from 'vitest'
import { LATCHKEY } from '../../../src/audit/events.ts'
import { type Commit, joinCommits } from '../../../src/store/commit.ts'

function commitOf(id: string): Required<Omit<Commit, 'epoch'>> {
  return {
    records: [{ kind: 'grant', id, expectedVersion: 1 }],
    due: [{ kind: 'grants', id, at: 1 }],
    indexes: [{ kind: 'live', value: 'grants', id, at: 1 }],
    limits: [{ kind: 'asks', value: id, since: 0, atMost: 1, otherwise: new Error(id) }],
    audit: [{ kind: 'alarm.grant-missing', actor: LATCHKEY, grantId: id }],
    jobs: [{ act: 'revoke', recordId: id, occasion: '1' }],
  }
}

test('a joined commit holds every list of every part, in their order', () => {
  const [a, b] = [commitOf('a'), commitOf('b')]
  expect(joinCommits(a, {}, b)).toEqual({
    records: [...a.records, ...b.records],
    due: [...a.due, ...b.due],
    indexes: [...a.indexes, ...b.indexes],
    limits: [...a.limits, ...b.limits],
    audit: [...a.audit, ...b.audit],
    jobs: [...a.jobs, ...b.jobs],
  })
})

test('a joined commit sets one epoch', () => {
  expect(joinCommits(commitOf('a'), { epoch: 'e' })).toMatchObject({ epoch: 'e' })
  expect(() => joinCommits({ epoch: 'e' }, { epoch: 'e' })).toThrow('one epoch')
})
