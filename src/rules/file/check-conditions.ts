import { isIP } from 'node:net'
import { contains, parseScope, type Scope } from '../scope.ts'
import { attempt, type LooseEntitlement, type LooseFile, repeated } from './loose-file.ts'
import type { KeyPath, PathFault } from './rules-faults.ts'

/** Faults of an entitlement's conditions that AWS could not enforce, or that would allow more than they say. */
export function conditionFaults(file: LooseFile, index: number): readonly PathFault[] {
  const entitlement = file.entitlements[index]
  if (entitlement?.conditions === undefined) return []
  const at: KeyPath = ['entitlements', index, 'conditions']
  const { sourceIps, vpcEndpoints, objectTag, mfa } = entitlement.conditions
  const isEmpty = [sourceIps, vpcEndpoints, objectTag, mfa].every((one) => one === undefined)
  return [
    ...(isEmpty ? [fault(at, 'No condition is named here. Name one, or remove `conditions`.')] : []),
    ...blocksFaults(sourceIps ?? [], [...at, 'sourceIps']),
    ...repeatedIn(vpcEndpoints ?? [], [...at, 'vpcEndpoints'], 'endpoint'),
    ...(sourceIps && vpcEndpoints ? [neverBoth([...at, 'vpcEndpoints'])] : []),
    ...(objectTag === undefined ? [] : tagFaults(file, entitlement, [...at, 'objectTag'])),
    ...(mfa === true && entitlement.driver === 'attach' ? [unseen([...at, 'mfa'])] : []),
  ]
}

function blocksFaults(blocks: readonly unknown[], at: KeyPath): readonly PathFault[] {
  const faulty = blocks.flatMap((written, index) => {
    // The schema reports a value that is no text.
    if (typeof written !== 'string' || isBlock(written)) return []
    return [
      fault([...at, index], `Expected a block of addresses, as 203.0.113.0/24 or 2001:db8::/32, found ${written}.`),
    ]
  })
  return [...faulty, ...repeatedIn(blocks, at, 'block')]
}

/** Whether the text is a CIDR block. `/0` does not count, because it contains every address. */
function isBlock(written: string): boolean {
  const [, address = '', bits = ''] = /^([^/]+)\/([1-9]\d{0,2})$/.exec(written) ?? []
  const longest = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0
  return Number(bits) >= 1 && Number(bits) <= longest
}

/** IAM User Guide, global condition keys: aws:SourceIp is absent from a request through a VPC endpoint. */
function neverBoth(path: KeyPath): PathFault {
  return fault(
    path,
    'No request has both: through a VPC endpoint AWS does not see the address. Write one entitlement for each.',
  )
}

function unseen(path: KeyPath): PathFault {
  return fault(
    path,
    'With the driver attach people use credentials of their own, and AWS does not see the second factor of Entra. Use the driver session.',
  )
}

/**
 * A tag condition works with the level `read` only: S3 ignores the tags of objects that are overwritten or deleted
 * (Amazon S3 User Guide, "Tagging and access control policies"). Nor may another entitlement let people change the tags
 * of the same objects.
 */
function tagFaults(file: LooseFile, entitlement: LooseEntitlement, path: KeyPath): readonly PathFault[] {
  const others = entitlement.levels.filter((level) => level !== 'read')
  if (others.length > 0)
    return [
      fault(
        path,
        `S3 asks for the tag of an object only when it is read. Keep the level read alone, without ${others.join(', ')}.`,
      ),
    ]
  const tagger = file.entitlements.find((other) => other.levels.includes('tag') && overlap(entitlement, other))
  if (tagger === undefined) return []
  const problem = `Entitlement ${String(tagger.name)} lets people change the tags of these objects: who has both chooses what they read.`
  return [fault(path, problem)]
}

/**
 * Whether two entitlements share a scope. It does not compare `who`: only the directory knows who is in several groups.
 */
function overlap(one: LooseEntitlement, other: LooseEntitlement): boolean {
  const theirs = scopesOf(other)
  return scopesOf(one).some((scope) => theirs.some((their) => contains(scope, their) || contains(their, scope)))
}

function scopesOf({ scopes }: LooseEntitlement): readonly Scope[] {
  return scopes.flatMap((written) => attempt(parseScope, written) ?? [])
}

function repeatedIn(values: readonly unknown[], at: KeyPath, what: string): readonly PathFault[] {
  return repeated(
    values.map((value, index) => ({ path: [...at, index], value })),
    what,
  )
}

function fault(path: KeyPath, problem: string): PathFault {
  return { path, blamed: 'value', problem }
}
