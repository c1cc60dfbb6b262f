import { z } from 'zod'
import { isLatchkeyError } from '../../errors.ts'
import type { KeyPath, PathFault } from './rules-faults.ts'

/**
 * Reads whatever of a rules file has a usable shape, so that wrong references are reported together with faults of the
 * schema.
 */

const texts = z.array(z.unknown()).catch([])
export const map = z.record(z.string(), z.unknown()).catch({})

const entitlement = z.object({
  name: z.unknown().optional(),
  who: texts,
  scopes: texts,
  levels: texts,
  driver: z.unknown().optional(),
  conditions: z
    .object({
      sourceIps: z.array(z.unknown()).optional().catch(undefined),
      vpcEndpoints: z.array(z.unknown()).optional().catch(undefined),
      objectTag: z.unknown().optional(),
      mfa: z.unknown().optional(),
    })
    .optional()
    .catch(undefined),
  duration: map,
  approval: z.array(z.object({ from: texts }).catch({ from: [] })).catch([]),
})

const nothing = { name: undefined, who: [], scopes: [], levels: [], driver: undefined, duration: {}, approval: [] }

export const looseFile = z.object({
  people: map,
  groups: map,
  accounts: map,
  buckets: map,
  principals: map,
  reviewTimes: map,
  entitlements: z.array(entitlement.catch(nothing)).catch([]),
})

export const looseBucket = z
  .object({
    account: z.unknown().optional(),
    region: z.unknown().optional(),
    kmsKey: z.unknown().optional(),
    owners: texts,
  })
  .catch({ account: undefined, region: undefined, kmsKey: undefined, owners: [] })

export type LooseFile = z.output<typeof looseFile>
export type LooseEntitlement = z.output<typeof entitlement>

/** A fault if `section` does not define the name. */
export function missing(
  named: Record<string, unknown>,
  section: string,
  name: string,
  path: KeyPath,
  blamed: PathFault['blamed'] = 'value',
): readonly PathFault[] {
  if (Object.hasOwn(named, name)) return []
  const names = Object.keys(named)
  const known = names.length === 0 ? 'nothing' : names.slice(0, 10).join(', ')
  return [{ path, blamed, problem: `\`${section}\` does not name ${name}. It names ${known}.` }]
}

/** A fault if the file does not define the group or person. The schema reports other forms. */
export function subjectMissing(
  file: LooseFile,
  written: unknown,
  path: KeyPath,
  blamed: PathFault['blamed'] = 'value',
): readonly PathFault[] {
  const [, kind, name] = typeof written === 'string' ? (/^(group|person):(.+)$/.exec(written) ?? []) : []
  if (name === undefined) return []
  const section = kind === 'group' ? 'groups' : 'people'
  return missing(file[section], section, name, path, blamed)
}

/** A fault for each value that an earlier entry already has. */
export function repeated(
  entries: readonly { readonly path: KeyPath; readonly value: unknown }[],
  what: string,
): readonly PathFault[] {
  const seen = new Set<string>()
  return entries.flatMap(({ path, value }) => {
    if (typeof value !== 'string') return []
    const isSecond = seen.has(value)
    seen.add(value)
    return isSecond
      ? [{ path, blamed: 'value' as const, problem: `The ${what} ${value} is here twice. Keep one.` }]
      : []
  })
}

/** The parsed value; undefined when `read` refuses it. */
export function attempt<T>(read: (text: string) => T, written: unknown): T | undefined {
  if (typeof written !== 'string') return undefined
  try {
    return read(written)
  } catch (error) {
    // The schema reports a text that cannot be read.
    if (isLatchkeyError(error, 'BAD_INPUT')) return undefined
    throw error
  }
}
