import { z } from 'zod'
import { parseDuration } from '../duration.ts'
import { formatScope, parseScope } from '../scope.ts'
import { conditionFaults } from './check-conditions.ts'
import { accountFaults, attachFaults, principalFaults } from './check-principals.ts'
import { attempt, type LooseFile, looseBucket, looseFile, missing, repeated, subjectMissing } from './loose-file.ts'
import type { KeyPath, PathFault } from './rules-faults.ts'
import { DEFAULT_REVIEW_TIMES } from './rules-schema.ts'

/**
 * Checks that the schema cannot express: names that must be defined in the file, values that must differ, and order of
 * durations.
 */

export function checkReferences(value: unknown): readonly PathFault[] {
  const parsed = looseFile.safeParse(value)
  if (!parsed.success) return []
  const file = parsed.data
  return [
    ...repeated(idsOf(file.people, ['people']), 'id'),
    ...repeated(idsOf(file.groups, ['groups']), 'id'),
    ...repeated(accountIds(file.accounts), 'account id'),
    ...accountFaults(file),
    ...principalFaults(file),
    ...Object.entries(file.buckets).flatMap(([bucket, detail]) => bucketFaults(file, bucket, detail)),
    ...outOfOrder({ ...DEFAULT_REVIEW_TIMES, ...file.reviewTimes }, ['reviewTimes'], 'remindAfter', 'lapseAfter'),
    ...repeated(
      file.entitlements.map(({ name }, index) => ({ path: ['entitlements', index, 'name'], value: name })),
      'name',
    ),
    ...file.entitlements.flatMap((_, index) => entitlementFaults(file, index)),
  ]
}

function bucketFaults(file: LooseFile, bucket: string, detail: unknown): readonly PathFault[] {
  const { account, region, kmsKey, owners } = looseBucket.parse(detail)
  return [
    ...keyFaults(region, kmsKey, ['buckets', bucket, 'kmsKey']),
    ...(typeof account === 'string' ? missing(file.accounts, 'accounts', account, ['buckets', bucket, 'account']) : []),
    ...subjectFaults(file, owners, ['buckets', bucket, 'owners']),
  ]
}

/** S3 can only encrypt with a KMS key in the bucket's region. */
function keyFaults(region: unknown, kmsKey: unknown, path: KeyPath): readonly PathFault[] {
  if (typeof kmsKey !== 'string' || typeof region !== 'string' || kmsKey.split(':')[3] === region) return []
  return [{ path, blamed: 'value', problem: `Expected a key in ${region}, where the bucket is, found ${kmsKey}.` }]
}

function entitlementFaults(file: LooseFile, index: number): readonly PathFault[] {
  const entitlement = file.entitlements[index]
  if (entitlement === undefined) return []
  const at: KeyPath = ['entitlements', index]
  const levels = entitlement.levels.map((value, index) => ({ path: [...at, 'levels', index], value }))
  return [
    ...subjectFaults(file, entitlement.who, [...at, 'who']),
    ...scopeFaults(file, entitlement.scopes, [...at, 'scopes']),
    ...repeated(levels, 'level'),
    ...conditionFaults(file, index),
    ...attachFaults(file, entitlement, at),
    ...outOfOrder(entitlement.duration, [...at, 'duration'], 'default', 'longest'),
    ...entitlement.approval.slice(1).map((_, later) => oneStepOnly([...at, 'approval', later + 1])),
    ...entitlement.approval.flatMap(({ from }, step) => subjectFaults(file, from, [...at, 'approval', step, 'from'])),
  ]
}

function oneStepOnly(path: KeyPath): PathFault {
  return {
    path,
    blamed: 'value',
    problem: 'This version of Latchkey does not have several approval steps yet. Keep one.',
  }
}

function subjectFaults(file: LooseFile, written: readonly unknown[], at: KeyPath): readonly PathFault[] {
  const entries = written.map((value, index) => ({ path: [...at, index], value }))
  const unknown = entries.flatMap(({ path, value }) => subjectMissing(file, value, path))
  return [...unknown, ...repeated(entries, 'entry')]
}

function scopeFaults(file: LooseFile, written: readonly unknown[], at: KeyPath): readonly PathFault[] {
  const entries = written.flatMap((value, index) => {
    const scope = attempt(parseScope, value)
    return scope ? [{ path: [...at, index], scope, value: formatScope(scope) }] : []
  })
  const unlisted = entries.flatMap(({ path, scope }) => missing(file.buckets, 'buckets', scope.bucket, path))
  return [...unlisted, ...repeated(entries, 'scope')]
}

function idsOf(named: Record<string, unknown>, at: KeyPath): readonly { path: KeyPath; value: unknown }[] {
  return Object.entries(named).map(([name, id]) => {
    return { path: [...at, name], value: typeof id === 'string' ? id.toLowerCase() : id }
  })
}

function accountIds(accounts: Record<string, unknown>): readonly { path: KeyPath; value: unknown }[] {
  return Object.entries(accounts).map(([name, detail]) => {
    const { id } = z.object({ id: z.unknown() }).catch({ id: undefined }).parse(detail)
    return { path: ['accounts', name, 'id'], value: id }
  })
}

function outOfOrder(written: Record<string, unknown>, at: KeyPath, less: string, more: string): readonly PathFault[] {
  const lessMinutes = attempt(parseDuration, written[less])
  const moreMinutes = attempt(parseDuration, written[more])
  if (lessMinutes === undefined || moreMinutes === undefined || lessMinutes <= moreMinutes) return []
  const problem = `Expected at most ${more}, which is ${written[more]}; found ${written[less]}.`
  return [{ path: [...at, less], blamed: 'value', problem }]
}
