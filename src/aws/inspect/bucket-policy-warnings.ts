import type { Principal } from '../../grants/principal.ts'
import { like, nameOf, parseBucketPolicy, type Statement } from '../../policies/policy-grammar.ts'
import { isPublicReading } from './bucket-policy-bypass.ts'

/** The calls that a grant would make to the bucket. */
export interface Asked {
  readonly principal: Principal
  /** Full names, as `s3:PutObject`. */
  readonly actions: readonly string[]
  /** ARNs of objects and bucket. A prefix is represented by one object below it. */
  readonly resources: readonly string[]
}

/**
 * Warnings about the bucket policy: access that stays after the grant, and statements that will refuse the grant's
 * calls.
 * @returns sentences for the requester, without names of other people
 */
export function bucketWarnings(document: string, bucket: string, asked: Asked): readonly string[] {
  const statements = parseBucketPolicy(document) ?? []
  const keys = new Set(statements.filter((one) => refuses(one, asked)).flatMap(conditionKeysOf))
  return [
    ...(statements.some((one) => allowsPrincipal(one, asked.principal)) ? [standingAccess(bucket)] : []),
    ...(statements.some(isPublicReading)
      ? [`The policy of ${bucket} lets everybody read there: that does not end with this grant.`]
      : []),
    ...[...keys].sort().map((key) => refusalBy(bucket, key)),
  ]
}

function standingAccess(bucket: string): string {
  return `The policy of ${bucket} itself names your role or user: what it allows there stays when this grant ends.`
}

const DEMANDS: Readonly<Record<string, string>> = {
  'aws:sourceip': 'from certain addresses',
  'aws:sourcevpc': 'through a certain VPC',
  'aws:sourcevpce': 'through a certain VPC endpoint',
  's3:x-amz-server-side-encryption': 'with a certain --sse',
  's3:x-amz-server-side-encryption-aws-kms-key-id': 'with a certain --sse-kms-key-id',
  's3:x-amz-acl': 'with a certain --acl',
}
const NO_CONDITION = ''

function refusalBy(bucket: string, key: string): string {
  if (key === NO_CONDITION) return `The policy of ${bucket} refuses some of this to everybody. Ask its owner.`
  const demand = DEMANDS[key]
  if (demand) return `The policy of ${bucket} refuses some of this unless it comes ${demand}. Ask its owner which.`
  return `The policy of ${bucket} refuses some of this depending on ${key}. Ask its owner.`
}

function allowsPrincipal({ Effect, Principal, Condition }: Statement, principal: Principal): boolean {
  if (Effect !== 'Allow' || principal.driver !== 'attach') return false
  const uniqueId = principal.userid.split(':')[0] ?? principal.userid
  const named = JSON.stringify([Principal, Condition])
  return [`"${principal.arn}"`, `:assumed-role/${nameOf(principal.arn)}/`, uniqueId].some((one) => named.includes(one))
}

/**
 * A condition on one of these keys causes no warning, because every S3 client that people use meets it (TLS, and its
 * version).
 */
const HARMLESS = new Set(['aws:securetransport', 's3:tlsversion'])

function conditionKeysOf({ Condition }: Statement): readonly string[] {
  const keys = Object.values(Condition).flatMap((one) => Object.keys(one).map((key) => key.toLowerCase()))
  const relevant = keys.filter((key) => key !== 'aws:userid' && key !== 'aws:principalarn')
  if (relevant.length === 0) return [NO_CONDITION]
  // A statement refuses only if all its keys hold, so one harmless key makes it harmless.
  return relevant.some((key) => HARMLESS.has(key)) ? [] : relevant
}

function refuses(one: Statement, { principal, actions, resources }: Asked): boolean {
  if (one.Effect !== 'Deny' || !mayApply(one, principal)) return false
  const isActionRefused = actions.some((action) => covers(one.Action, one.NotAction, action.toLowerCase()))
  return isActionRefused && resources.some((resource) => covers(one.Resource, one.NotResource, resource))
}

function covers(named: readonly string[] | undefined, excluded: readonly string[] | undefined, one: string): boolean {
  const matches = (pattern: string) => like(pattern, one)
  return named ? named.some(matches) : !(excluded ?? []).some(matches)
}

/**
 * Whether the statement can apply to this principal, judged by the principals it names and by conditions on the caller.
 */
function mayApply({ Principal, NotPrincipal, Condition }: Statement, principal: Principal): boolean {
  const names = namesOf(principal)
  const matchesAny = (listed: readonly string[]) => listed.some((one) => names.some((name) => like(one, name)))
  if (Principal && !matchesAny(Principal.AWS ?? [])) return false
  if (NotPrincipal && matchesAny(NotPrincipal.AWS ?? [])) return false
  return Object.entries(Condition).every(([operator, keys]) =>
    Object.entries(keys).every(([key, values]) => {
      if (!['aws:userid', 'aws:principalarn'].includes(key.toLowerCase())) return true
      return matchesAny(values) !== /not/i.test(operator)
    }),
  )
}

/**
 * The names by which a policy can match the principal. Of a session's name only `g-` is known before the grant exists.
 */
function namesOf(principal: Principal): readonly string[] {
  const { account } = principal
  const [arn, userid] =
    principal.driver === 'session' ? [principal.roleArn, `${principal.roleId}:g-`] : [principal.arn, principal.userid]
  const session = `arn:aws:sts::${account}:assumed-role/${nameOf(arn)}/${userid.split(':')[1] ?? ''}`
  return [arn, userid, session, account, `arn:aws:iam::${account}:root`]
}
