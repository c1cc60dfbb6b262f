import { isIP } from 'node:net'
import { contains, parseScope, type Scope } from '../scope.ts'
import { attempt, type LooseEntitlement, type LooseFile, repeated } from './loose-file.ts'
import type { KeyPath, PlacedFault } from './rules-faults.ts'

/** What AWS could never see, or what would let more through than it says: told when the file is read, not when somebody stands before it. */
export function conditionFaults(file: LooseFile, index: number): readonly PlacedFault[] {
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

function blocksFaults(blocks: readonly unknown[], at: KeyPath): readonly PlacedFault[] {
  const faulty = blocks.flatMap((written, place) => {
    // What is no text is a fault of shape.
    if (typeof written !== 'string' || isBlock(written)) return []
    return [
      fault([...at, place], `Expected a block of addresses, as 203.0.113.0/24 or 2001:db8::/32, found ${written}.`),
    ]
  })
  return [...faulty, ...repeatedIn(blocks, at, 'block')]
}

/** A block of everybody is no condition. */
function isBlock(written: string): boolean {
  const [, address = '', bits = ''] = /^([^/]+)\/([1-9]\d{0,2})$/.exec(written) ?? []
  const longest = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0
  return Number(bits) >= 1 && Number(bits) <= longest
}

/** IAM User Guide, global condition keys: aws:SourceIp is absent from a request through a VPC endpoint. */
function neverBoth(path: KeyPath): PlacedFault {
  return fault(
    path,
    'No request has both: through a VPC endpoint AWS does not see the address. Write one entitlement for each.',
  )
}

function unseen(path: KeyPath): PlacedFault {
  return fault(
    path,
    'With the driver attach people use credentials of their own, and AWS does not see the second factor of Entra. Use the driver session.',
  )
}

/**
 * Amazon S3 User Guide, tagging and access control: S3 does not look at the tags of what is overwritten or deleted. And whoever may change tags
 * chooses what the condition lets them reach.
 */
function tagFaults(file: LooseFile, entitlement: LooseEntitlement, path: KeyPath): readonly PlacedFault[] {
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

/** Whoever they name: one person may be in several groups, and only the directory knows. */
function overlap(one: LooseEntitlement, other: LooseEntitlement): boolean {
  const theirs = scopesOf(other)
  return scopesOf(one).some((scope) => theirs.some((their) => contains(scope, their) || contains(their, scope)))
}

function scopesOf({ scopes }: LooseEntitlement): readonly Scope[] {
  return scopes.flatMap((written) => attempt(parseScope, written) ?? [])
}

function repeatedIn(values: readonly unknown[], at: KeyPath, what: string): readonly PlacedFault[] {
  return repeated(
    values.map((value, place) => ({ path: [...at, place], value })),
    what,
  )
}

function fault(path: KeyPath, problem: string): PlacedFault {
  return { path, part: 'value', problem }
}
