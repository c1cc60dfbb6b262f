import type { Conditions } from '../rules/conditions.ts'
import { ACTIONS, type Level, type LevelActions, sortLevels } from '../rules/levels.ts'
import type { Bucket } from '../rules/rules.ts'
import type { Scope } from '../rules/scope.ts'

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/
const WHOLE_SECOND = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/

type OneOrMore = string | readonly string[]

/** Operator → key → what one of must hold. */
export type IamCondition = Readonly<Record<string, Readonly<Record<string, OneOrMore>>>>

export interface Statement {
  readonly Effect: 'Allow'
  readonly Action: OneOrMore
  readonly Resource: OneOrMore
  readonly Condition: IamCondition
}

/** What a policy allows, of one bucket. `endsAt`: ISO 8601, whole seconds. */
export interface PolicyTerms {
  readonly scopes: readonly Scope[]
  readonly levels: readonly Level[]
  /** Absent: none. */
  readonly conditions?: Conditions
  readonly endsAt: string
}

/** Of the bucket of the scopes. */
export type BucketFacts = Pick<Bucket, 'region' | 'kmsKey' | 'bucketKey'>

/**
 * What a grant allows, whichever driver makes it true.
 * @param binding Only of the driver `attach`, beside the end in every statement: to whom it is bound, and from when. What it allows is added to what
 * they have: the key opens the scope alone, and not all that they could get if it were not encrypted.
 */
export function grantStatements(order: PolicyTerms, facts: BucketFacts, binding?: IamCondition): readonly Statement[] {
  const { region, kmsKey } = facts
  const levels = sortLevels(order.levels)
  const name = oneBucket(order.scopes)
  const bucket = `arn:aws:s3:::${name}`
  const bound = both(binding ?? {}, { DateLessThan: { 'aws:CurrentTime': checkEnd(order.endsAt) } })
  const { sourceIps, vpcEndpoints, objectTag } = order.conditions ?? {}
  const asked = both(bound, requestCondition({ sourceIps, vpcEndpoints }))
  const tagged = objectTag ? { StringEquals: { [`s3:ExistingObjectTag/${objectTag.key}`]: objectTag.value } } : {}
  const via = { StringEquals: { 'kms:ViaService': `s3.${region}.amazonaws.com` } }
  const opened = binding === undefined ? {} : encryptedAs(bucket, order.scopes, facts)
  return [
    ...allow(levels, 'object', objectsOf(bucket, order.scopes), both(asked, tagged)),
    ...listStatements(levels, bucket, order.scopes, asked),
    ...bucketStatements(levels, bucket, order.scopes, asked),
    // S3 asks KMS itself, from its own address: whom and whence it serves, its own statements say.
    ...allow(levels, 'key', kmsKey === undefined ? [] : [kmsKey], both(both(bound, via), opened)),
  ]
}

export function iamDocument(statements: readonly Statement[]): string {
  if (statements.length === 0) throw new TypeError('A grant has at least one scope and one level')
  const text = JSON.stringify({ Version: '2012-10-17', Statement: statements })
  // IAM takes U+0020 to U+00FF in a document; beyond ASCII the JSON escape says the same.
  return text.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function allow(
  levels: readonly Level[],
  on: keyof LevelActions,
  resources: readonly string[],
  Condition: IamCondition,
): readonly Statement[] {
  const actions = sorted(levels.flatMap((level) => ACTIONS[level][on]))
  if (actions.length === 0 || resources.length === 0) return []
  return [{ Effect: 'Allow', Action: oneOrMore(actions), Resource: oneOrMore(sorted(resources)), Condition }]
}

function objectsOf(bucket: string, scopes: readonly Scope[]): readonly string[] {
  return scopes.map(({ key }) => `${bucket}/${below(key)}`)
}

/** Amazon S3 User Guide, "Encryption context": the ARN of the object; with S3 Bucket Keys that of the bucket, whichever object it is. */
function encryptedAs(bucket: string, scopes: readonly Scope[], { bucketKey }: BucketFacts): IamCondition {
  const contexts = [...objectsOf(bucket, scopes), ...(bucketKey === true ? [bucket] : [])]
  return { StringLike: { 'kms:EncryptionContext:aws:s3:arn': oneOrMore(sorted(contexts)) } }
}

/**
 * A scope of one object lists nothing: S3 matches `prefix` as text, so listing `a.csv` would show the name of `a.csv.bak` too.
 * For the same reason a prefix `P/` is listed as `P/…` only. `aws s3 ls s3://b/P` (no slash) asks for every name that begins in `P`,
 * `P-secret/…` included, and is refused; `sync` and `rm --recursive` add the slash themselves.
 */
function listStatements(
  levels: readonly Level[],
  bucket: string,
  scopes: readonly Scope[],
  condition: IamCondition,
): readonly Statement[] {
  const keys = scopes.map(({ key }) => key).filter((key) => key === '' || key.endsWith('/'))
  if (keys.length === 0) return []
  const inside = keys.includes('') ? {} : { StringLike: { 's3:prefix': oneOrMore(sorted(keys.map(below))) } }
  return allow(levels, 'list', [bucket], both(condition, inside))
}

function bucketStatements(
  levels: readonly Level[],
  bucket: string,
  scopes: readonly Scope[],
  condition: IamCondition,
): readonly Statement[] {
  const statements = allow(levels, 'bucket', [bucket], condition)
  if (statements.length > 0 && scopes.some(({ key }) => key !== ''))
    throw new TypeError('The policy of a bucket is of the whole bucket')
  return statements
}

function requestCondition({ sourceIps, vpcEndpoints }: Pick<Conditions, 'sourceIps' | 'vpcEndpoints'>): IamCondition {
  return {
    ...(sourceIps === undefined ? {} : { IpAddress: { 'aws:SourceIp': oneOrMore(sorted(sourceIps)) } }),
    ...(vpcEndpoints === undefined ? {} : { StringEquals: { 'aws:SourceVpce': oneOrMore(sorted(vpcEndpoints)) } }),
  }
}

/** Both must hold. */
function both(one: IamCondition, other: IamCondition): IamCondition {
  const operators = sorted([...Object.keys(one), ...Object.keys(other)])
  return Object.fromEntries(operators.map((operator) => [operator, { ...one[operator], ...other[operator] }]))
}

/** The pattern of everything that the key of a scope reaches. */
function below(key: string): string {
  return key === '' || key.endsWith('/') ? `${literal(key)}*` : literal(key)
}

/** IAM User Guide, policy variables: these three are the only way to write the characters themselves. */
function literal(key: string): string {
  return key.replace(/[*?$]/g, (character) => `\${${character}}`)
}

/** Scopes come parsed; a document that widens access because one did not is not an option. */
function oneBucket(scopes: readonly Scope[]): string {
  const [name, ...others] = sorted(scopes.map(({ bucket }) => bucket))
  if (name === undefined || others.length > 0) throw new TypeError('A grant reaches one bucket')
  if (!BUCKET.test(name)) throw new TypeError('A scope of this grant names no bucket')
  return name
}

function checkEnd(endsAt: string | undefined): string {
  if (endsAt === undefined || !WHOLE_SECOND.test(endsAt) || !isRealTime(endsAt))
    throw new TypeError('A grant is never written without its end, in whole seconds')
  return endsAt
}

/** The 31st of February has the right shape. */
function isRealTime(endsAt: string): boolean {
  const ms = Date.parse(endsAt)
  return !Number.isNaN(ms) && new Date(ms).toISOString() === endsAt.replace('Z', '.000Z')
}

function oneOrMore(values: readonly string[]): OneOrMore {
  const [first, ...others] = values
  return first === undefined || others.length > 0 ? values : first
}

function sorted(values: Iterable<string>): readonly string[] {
  return [...new Set(values)].sort()
}
