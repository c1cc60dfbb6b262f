import { z } from 'zod'
import { isLatchkeyError } from '../errors.ts'
import { parseDuration } from './duration.ts'
import type { KeyPath, PlacedFault } from './rules-faults.ts'
import { DEFAULT_REVIEW_TIMES } from './rules-schema.ts'
import { formatScope, parseScope } from './scope.ts'

/** What a shape cannot say: names that must stand somewhere else in the file, things that must differ, and orders of size. */

const texts = z.array(z.unknown()).catch([])
const map = z.record(z.string(), z.unknown()).catch({})

/** Takes whatever can be understood, so that these faults are told together with the faults of shape. */
const looseFile = z.object({
  people: map,
  groups: map,
  accounts: map,
  buckets: map,
  reviewTimes: map,
  entitlements: z
    .array(
      z
        .object({
          name: z.unknown(),
          who: texts,
          scopes: texts,
          levels: texts,
          duration: map,
          approval: z.array(z.object({ from: texts }).catch({ from: [] })).catch([]),
        })
        .catch({ name: undefined, who: [], scopes: [], levels: [], duration: {}, approval: [] }),
    )
    .catch([]),
})

type LooseFile = z.output<typeof looseFile>

export function checkReferences(value: unknown): readonly PlacedFault[] {
  const parsed = looseFile.safeParse(value)
  if (!parsed.success) return []
  const file = parsed.data
  return [
    ...repeated(idsOf(file.people, ['people']), 'id'),
    ...repeated(idsOf(file.groups, ['groups']), 'id'),
    ...repeated(accountIds(file.accounts), 'account id'),
    ...Object.entries(file.buckets).flatMap(([bucket, detail]) => bucketFaults(file, bucket, detail)),
    ...outOfOrder({ ...DEFAULT_REVIEW_TIMES, ...file.reviewTimes }, ['reviewTimes'], 'remindAfter', 'lapseAfter'),
    ...repeated(
      file.entitlements.map(({ name }, index) => ({ path: ['entitlements', index, 'name'], value: name })),
      'name',
    ),
    ...file.entitlements.flatMap((_, index) => entitlementFaults(file, index)),
  ]
}

function bucketFaults(file: LooseFile, bucket: string, detail: unknown): readonly PlacedFault[] {
  const { account, owners } = z
    .object({ account: z.unknown(), owners: texts })
    .catch({ account: 0, owners: [] })
    .parse(detail)
  return [
    ...(typeof account === 'string' ? missing(file.accounts, 'accounts', account, ['buckets', bucket, 'account']) : []),
    ...subjectFaults(file, owners, ['buckets', bucket, 'owners']),
  ]
}

function entitlementFaults(file: LooseFile, index: number): readonly PlacedFault[] {
  const entitlement = file.entitlements[index]
  if (entitlement === undefined) return []
  const at: KeyPath = ['entitlements', index]
  const levels = entitlement.levels.map((value, place) => ({ path: [...at, 'levels', place], value }))
  return [
    ...subjectFaults(file, entitlement.who, [...at, 'who']),
    ...scopeFaults(file, entitlement.scopes, [...at, 'scopes']),
    ...repeated(levels, 'level'),
    ...outOfOrder(entitlement.duration, [...at, 'duration'], 'default', 'longest'),
    ...entitlement.approval.slice(1).map((_, later) => oneStepOnly([...at, 'approval', later + 1])),
    ...entitlement.approval.flatMap(({ from }, step) => subjectFaults(file, from, [...at, 'approval', step, 'from'])),
  ]
}

function oneStepOnly(path: KeyPath): PlacedFault {
  return {
    path,
    part: 'value',
    problem: 'This version of Latchkey does not have several approval steps yet. Keep one.',
  }
}

function subjectFaults(file: LooseFile, written: readonly unknown[], at: KeyPath): readonly PlacedFault[] {
  const entries = written.map((value, index) => ({ path: [...at, index], value }))
  const unknown = entries.flatMap(({ path, value }) => {
    const [, kind, name] = typeof value === 'string' ? (/^(group|person):(.+)$/.exec(value) ?? []) : []
    if (name === undefined) return []
    return kind === 'group' ? missing(file.groups, 'groups', name, path) : missing(file.people, 'people', name, path)
  })
  return [...unknown, ...repeated(entries, 'entry')]
}

function scopeFaults(file: LooseFile, written: readonly unknown[], at: KeyPath): readonly PlacedFault[] {
  const entries = written.flatMap((value, index) => {
    const scope = attempt(parseScope, value)
    return scope ? [{ path: [...at, index], scope, value: formatScope(scope) }] : []
  })
  const unlisted = entries.flatMap(({ path, scope }) => missing(file.buckets, 'buckets', scope.bucket, path))
  return [...unlisted, ...repeated(entries, 'scope')]
}

function missing(named: Record<string, unknown>, section: string, name: string, path: KeyPath): readonly PlacedFault[] {
  if (Object.hasOwn(named, name)) return []
  const names = Object.keys(named)
  const known = names.length === 0 ? 'nothing' : names.slice(0, 10).join(', ')
  return [{ path, part: 'value', problem: `\`${section}\` does not name ${name}. It names ${known}.` }]
}

/** Every later one of two equal values is a fault. */
function repeated(entries: readonly { path: KeyPath; value: unknown }[], what: string): readonly PlacedFault[] {
  const seen = new Set<string>()
  return entries.flatMap(({ path, value }) => {
    if (typeof value !== 'string') return []
    const isSecond = seen.has(value)
    seen.add(value)
    return isSecond ? [{ path, part: 'value' as const, problem: `The ${what} ${value} is here twice. Keep one.` }] : []
  })
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

function outOfOrder(written: Record<string, unknown>, at: KeyPath, less: string, more: string): readonly PlacedFault[] {
  const lessMinutes = attempt(parseDuration, written[less])
  const moreMinutes = attempt(parseDuration, written[more])
  if (lessMinutes === undefined || moreMinutes === undefined || lessMinutes <= moreMinutes) return []
  const problem = `Expected at most ${more}, which is ${written[more]}; found ${written[less]}.`
  return [{ path: [...at, less], part: 'value', problem }]
}

function attempt<T>(read: (text: string) => T, written: unknown): T | undefined {
  if (typeof written !== 'string') return undefined
  try {
    return read(written)
  } catch (error) {
    // What cannot be read is told as a fault of shape.
    if (isLatchkeyError(error, 'BAD_INPUT')) return undefined
    throw error
  }
}
