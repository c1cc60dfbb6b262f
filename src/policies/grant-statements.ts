import type { Conditions } from '../rules/conditions.ts'
import { ACTIONS, type Level, type LevelActions, sortLevels } from '../rules/levels.ts'
import type { Bucket } from '../rules/rules.ts'
import type { Scope } from '../rules/scope.ts'

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/
const WHOLE_SECOND = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/

type OneOrMore = string | readonly string[]

/** Operator → condition key → values. One of the values must match. */
export type IamCondition = Readonly<Record<string, Readonly<Record<string, OneOrMore>>>>

export interface Statement {
  readonly Effect: 'Allow'
  readonly Action: OneOrMore
  readonly Resource: OneOrMore
  readonly Condition: IamCondition
}

/** What a grant's policy allows, in one bucket. */
export interface PolicyTerms {
  readonly scopes: readonly Scope[]
  readonly levels: readonly Level[]
  readonly conditions?: Conditions
  /** ISO 8601, whole seconds. */
  readonly endsAt: string
}

/** Facts about the bucket of the scopes. */
export type BucketFacts = Pick<Bucket, 'region' | 'kmsKey' | 'bucketKey'>

/**
 * The statements of a grant. They are the same for both drivers, except for `binding`. Each statement contains the end.
 * @param binding Only for the driver `attach`: a condition for every statement, with the person's `aws:userid` and the
 * start. An attached policy adds to the person's other rights, so it also limits the KMS key to objects of the scope.
 */
export function grantStatements(order: PolicyTerms, facts: BucketFacts, binding?: IamCondition): readonly Statement[] {
  const { region, kmsKey } = facts
  const levels = sortLevels(order.levels)
  const name = bucketOf(order.scopes)
  const bucket = `arn:aws:s3:::${name}`
  const withEnd = merge(binding ?? {}, { DateLessThan: { 'aws:CurrentTime': checkEnd(order.endsAt) } })
  const { sourceIps, vpcEndpoints, objectTag } = order.conditions ?? {}
  const withRequest = merge(withEnd, requestCondition({ sourceIps, vpcEndpoints }))
  const tagged = objectTag ? { StringEquals: { [`s3:ExistingObjectTag/${objectTag.key}`]: objectTag.value } } : {}
  const throughS3 = { StringEquals: { 'kms:ViaService': `s3.${region}.amazonaws.com` } }
  const inScope = binding === undefined ? {} : encryptionContext(bucket, order.scopes, facts)
  return [
    ...allow(levels, 'object', objectsOf(bucket, order.scopes), merge(withRequest, tagged)),
    ...listStatements(levels, bucket, order.scopes, withRequest),
    ...bucketStatements(levels, bucket, order.scopes, withRequest),
    // This statement has no request conditions, because S3 calls KMS from S3's address. The statements for S3 check the
    // requester's address.
    ...allow(levels, 'key', kmsKey === undefined ? [] : [kmsKey], merge(merge(withEnd, throughS3), inScope)),
  ]
}

export function iamDocument(statements: readonly Statement[]): string {
  if (statements.length === 0) throw new TypeError('A grant has at least one scope and one level')
  const text = JSON.stringify({ Version: '2012-10-17', Statement: statements })
  // IAM accepts only U+0020 to U+00FF in a document, so everything beyond ASCII becomes a JSON escape.
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
  return scopes.map(({ key }) => `${bucket}/${keyPattern(key)}`)
}

/**
 * Limits the use of a KMS key to objects of the scopes. The encryption context is the object's ARN, or the bucket's ARN
 * with S3 Bucket Keys (Amazon S3 User Guide, "Encryption context").
 */
function encryptionContext(bucket: string, scopes: readonly Scope[], { bucketKey }: BucketFacts): IamCondition {
  const contexts = [...objectsOf(bucket, scopes), ...(bucketKey === true ? [bucket] : [])]
  return { StringLike: { 'kms:EncryptionContext:aws:s3:arn': oneOrMore(sorted(contexts)) } }
}

/**
 * The right to list names in prefix scopes. A scope of one object gives none: S3 matches `prefix` as text, so listing
 * `a.csv` would also show `a.csv.bak`. For the same reason a prefix `P/` allows `P/…` only. `aws s3 ls s3://b/P`
 * without slash would also show `P-secret/…` and is refused; `sync` and `rm --recursive` add the slash themselves.
 */
function listStatements(
  levels: readonly Level[],
  bucket: string,
  scopes: readonly Scope[],
  condition: IamCondition,
): readonly Statement[] {
  const keys = scopes.map(({ key }) => key).filter((key) => key === '' || key.endsWith('/'))
  if (keys.length === 0) return []
  const inside = keys.includes('') ? {} : { StringLike: { 's3:prefix': oneOrMore(sorted(keys.map(keyPattern))) } }
  return allow(levels, 'list', [bucket], merge(condition, inside))
}

function bucketStatements(
  levels: readonly Level[],
  bucket: string,
  scopes: readonly Scope[],
  condition: IamCondition,
): readonly Statement[] {
  const statements = allow(levels, 'bucket', [bucket], condition)
  if (statements.length > 0 && scopes.some(({ key }) => key !== ''))
    throw new TypeError('The level bucket-policy needs the whole bucket as scope')
  return statements
}

function requestCondition({ sourceIps, vpcEndpoints }: Pick<Conditions, 'sourceIps' | 'vpcEndpoints'>): IamCondition {
  return {
    ...(sourceIps === undefined ? {} : { IpAddress: { 'aws:SourceIp': oneOrMore(sorted(sourceIps)) } }),
    ...(vpcEndpoints === undefined ? {} : { StringEquals: { 'aws:SourceVpce': oneOrMore(sorted(vpcEndpoints)) } }),
  }
}

/** A condition that holds when both hold. */
function merge(one: IamCondition, other: IamCondition): IamCondition {
  const operators = sorted([...Object.keys(one), ...Object.keys(other)])
  return Object.fromEntries(operators.map((operator) => [operator, { ...one[operator], ...other[operator] }]))
}

/** The IAM pattern for all keys in a scope. */
function keyPattern(key: string): string {
  return key === '' || key.endsWith('/') ? `${escapeKey(key)}*` : escapeKey(key)
}

/** Escapes `*`, `?` and `$` as `${*}`, `${?}` and `${$}` (IAM User Guide, "Policy variables"). */
function escapeKey(key: string): string {
  return key.replace(/[*?$]/g, (character) => `\${${character}}`)
}

/** The scopes' bucket. It checks its name again, so that an unparsed scope cannot widen the document. */
function bucketOf(scopes: readonly Scope[]): string {
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

/** False for a day that does not exist, as the 31st of February. */
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
