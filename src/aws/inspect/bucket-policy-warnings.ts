import type { Principal } from '../../grants/principal.ts'
import { like, nameOf, parseBucketPolicy, type Statement } from '../../policies/policy-grammar.ts'
import { isPublicReading } from './bucket-policy-bypass.ts'

/** What a grant would do in the bucket. */
export interface Asked {
  readonly principal: Principal
  /** Full names of actions, as `s3:PutObject`. */
  readonly actions: readonly string[]
  /** ARNs of what it does them on; a prefix by one name below it. */
  readonly resources: readonly string[]
}

/** What stays when the grant ends, and what will refuse it all the same. Sentences for the requester, who reads no names of others in them. */
export function bucketWarnings(document: string, bucket: string, asked: Asked): readonly string[] {
  const statements = parseBucketPolicy(document) ?? []
  const keys = new Set(statements.filter((one) => hits(one, asked)).flatMap(namesOfConditions))
  return [
    ...(statements.some((one) => allowsHolder(one, asked.principal)) ? [standing(bucket)] : []),
    ...(statements.some(isPublicReading)
      ? [`The policy of ${bucket} lets everybody read there: that does not end with this grant.`]
      : []),
    ...[...keys].sort().map((key) => refusalBy(bucket, key)),
  ]
}

function standing(bucket: string): string {
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

function allowsHolder({ Effect, Principal, Condition }: Statement, principal: Principal): boolean {
  if (Effect !== 'Allow' || principal.driver !== 'attach') return false
  const uniqueId = principal.userid.split(':')[0] ?? principal.userid
  const named = JSON.stringify([Principal, Condition])
  return [`"${principal.arn}"`, `:assumed-role/${nameOf(principal.arn)}/`, uniqueId].some((one) => named.includes(one))
}

/** These are met by whatever Latchkey's people use; and what asks who somebody is was compared already. */
const HARMLESS = new Set(['aws:securetransport', 's3:tlsversion', 'aws:userid', 'aws:principalarn'])

function namesOfConditions({ Condition }: Statement): readonly string[] {
  const keys = Object.values(Condition).flatMap((one) => Object.keys(one).map((key) => key.toLowerCase()))
  const telling = keys.filter((key) => key !== 'aws:userid' && key !== 'aws:principalarn')
  if (telling.length === 0) return [NO_CONDITION]
  // All keys of one statement must hold for it to refuse: one that never does makes it harmless.
  return telling.some((key) => HARMLESS.has(key)) ? [] : telling
}

function hits(one: Statement, { principal, actions, resources }: Asked): boolean {
  if (one.Effect !== 'Deny' || !isMeant(one, principal)) return false
  const acts = actions.some((action) => covers(one.Action, one.NotAction, action.toLowerCase()))
  return acts && resources.some((resource) => covers(one.Resource, one.NotResource, resource))
}

function covers(named: readonly string[] | undefined, spared: readonly string[] | undefined, one: string): boolean {
  const matches = (pattern: string) => like(pattern, one)
  return named ? named.some(matches) : !(spared ?? []).some(matches)
}

/** Whether it can be about this principal at all: by whom it names, and by conditions on who somebody is. */
function isMeant({ Principal, NotPrincipal, Condition }: Statement, principal: Principal): boolean {
  const names = namesOf(principal)
  const isAmong = (listed: readonly string[]) => listed.some((one) => names.some((name) => like(one, name)))
  if (Principal && !isAmong(Principal.AWS ?? [])) return false
  if (NotPrincipal && isAmong(NotPrincipal.AWS ?? [])) return false
  return Object.entries(Condition).every(([operator, keys]) =>
    Object.entries(keys).every(([key, values]) => {
      if (!['aws:userid', 'aws:principalarn'].includes(key.toLowerCase())) return true
      return isAmong(values) !== /not/i.test(operator)
    }),
  )
}

/** By what a policy can mean it. The name of a session is the grant's id, which no policy knows before. */
function namesOf(principal: Principal): readonly string[] {
  const { account } = principal
  const [arn, userid] =
    principal.driver === 'session' ? [principal.roleArn, `${principal.roleId}:g-`] : [principal.arn, principal.userid]
  const session = `arn:aws:sts::${account}:assumed-role/${nameOf(arn)}/${userid.split(':')[1] ?? ''}`
  return [arn, userid, session, account, `arn:aws:iam::${account}:root`]
}
