import { z } from 'zod'
import type { GrantDraft } from '../../grants/driver.ts'
import { parseJson } from '../../policies/parse-json.ts'
import { like } from '../../policies/policy-grammar.ts'
import { ACTIONS } from '../../rules/levels.ts'

/**
 * Compares trust policy and boundary of an elevation role with what Latchkey demands. Returns faults as sentences.
 * An Allow that is not understood is a fault. Deny statements are skipped, because they only reduce access.
 */

const oneOrMore = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat())
/** IAM treats `false` and `"false"` alike. */
const values = z.union([z.string(), z.boolean(), z.number()]).transform(String)
const conditions = z.record(
  z.string(),
  z.record(z.string(), z.union([values.transform((one) => [one]), z.array(values)])),
)
const deny = z.looseObject({ Effect: z.literal('Deny') })
const allow = { Sid: z.string().optional(), Effect: z.literal('Allow'), Action: oneOrMore }

const boundaryAllow = z.strictObject({ ...allow, Resource: oneOrMore, Condition: conditions.default({}) })
const trustAllow = z.strictObject({
  ...allow,
  Principal: z.strictObject({ AWS: oneOrMore }),
  Condition: conditions.default({}),
})

type BoundaryAllow = z.infer<typeof boundaryAllow>
type TrustAllow = z.infer<typeof trustAllow>

const LEVEL_ACTIONS = Object.values(ACTIONS)
const lower = (actions: readonly string[]) => new Set(actions.map((action) => action.toLowerCase()))

/** Actions that a boundary may allow: those of the levels, and some that only read. Lower case: IAM ignores case. */
const OBJECT_ACTIONS = lower([
  ...LEVEL_ACTIONS.flatMap(({ object }) => object),
  ...['s3:GetObjectAttributes', 's3:GetObjectVersionTagging'],
])
const BUCKET_ACTIONS = lower([...LEVEL_ACTIONS.flatMap(({ list }) => list), 's3:ListBucketMultipartUploads'])
const KMS_ACTIONS = lower(LEVEL_ACTIONS.flatMap(({ key }) => key))
const ENTER_ACTIONS = ['sts:assumerole', 'sts:setsourceidentity', 'sts:tagsession']

const NAMED_BUCKET = /^arn:aws[a-z-]*:s3:::[a-z0-9][a-z0-9.-]*(\/.*)?$/
const KMS_KEY = /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[\w-]+$/
const KMS_THROUGH_S3 = /^s3\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$/

/** The permissions boundary must limit the role to objects of named buckets, whatever its policies allow. */
export function boundaryFaults(document: string): readonly string[] {
  const statements = parseStatements(document, boundaryAllow)
  if (typeof statements === 'string') return [`The permissions boundary ${statements}`]
  return statements.flatMap((statement) => statement.Action.flatMap((action) => actionFaults(action, statement)))
}

function actionFaults(action: string, { Resource, Condition }: BoundaryAllow): readonly string[] {
  const name = action.toLowerCase()
  if (OBJECT_ACTIONS.has(name) || BUCKET_ACTIONS.has(name)) {
    const wide = Resource.filter((resource) => !NAMED_BUCKET.test(resource))
    return wide.map((resource) => `The permissions boundary allows ${action} on ${resource}; name the bucket.`)
  }
  if (!KMS_ACTIONS.has(name)) return [`The permissions boundary allows ${action}; take it out.`]
  const services = condition(Condition, ['stringequals', 'stringlike'], 'kms:viaservice')
  const throughS3 = services.length > 0 && services.every((service) => KMS_THROUGH_S3.test(service))
  if (throughS3 && Resource.every((resource) => KMS_KEY.test(resource))) return []
  return [`The permissions boundary allows ${action} beside S3; name the key, and kms:ViaService.`]
}

/** Calls of an approved grant that the boundary would refuse. A scope that the boundary allows partly is no gap. */
export function boundaryGaps(document: string, draft: Pick<GrantDraft, 'levels' | 'scopes'>): readonly string[] {
  const statements = parseStatements(document, boundaryAllow)
  // A string says what is wrong with the document. `boundaryFaults` reports it.
  if (typeof statements === 'string') return []
  const gaps = callsOf(draft).filter(
    ([action, resource]) =>
      !statements.some(
        ({ Action, Resource }) =>
          Action.some((one) => like(one, action)) && Resource.some((one) => overlaps(one, resource)),
      ),
  )
  const sentences = gaps.map(
    ([action, resource]) => `The permissions boundary does not allow ${action} on ${resource}.`,
  )
  return [...new Set(sentences)]
}

function callsOf({ levels, scopes }: Pick<GrantDraft, 'levels' | 'scopes'>): readonly (readonly [string, string])[] {
  return scopes.flatMap(({ bucket, key }) =>
    levels.flatMap((level) => {
      const { object, list } = ACTIONS[level]
      const lists = key === '' || key.endsWith('/') ? list : []
      return [
        ...object.map((action) => [action, `arn:aws:s3:::${bucket}/${key}`] as const),
        ...lists.map((action) => [action, `arn:aws:s3:::${bucket}`] as const),
      ]
    }),
  )
}

function overlaps(pattern: string, resource: string): boolean {
  return like(pattern, resource) || (resource.endsWith('/') && pattern.startsWith(resource))
}

/**
 * The trust policy must let in Latchkey's own identities only: web and workers, in one account. A process knows for
 * certain only its own ARN. Every entry must set a source identity, by which CloudTrail names the requester.
 * @param ownArn The IAM ARN of this process, as `arn:aws:iam::111122223333:role/latchkey-web`.
 * @param externalId What a role in another account must demand, so that another installation of Latchkey is not let in.
 */
export function trustFaults(document: string, ownArn: string, externalId?: string): readonly string[] {
  const statements = parseStatements(document, trustAllow)
  if (typeof statements === 'string') return [`The trust policy ${statements}`]
  const named = new Set(statements.flatMap(({ Principal }) => Principal.AWS))
  const strangers = [...named].filter((arn) => accountOf(arn) === undefined || accountOf(arn) !== accountOf(ownArn))
  const own = statements.filter(({ Principal }) => Principal.AWS.some((arn) => isSame(arn, ownArn)))
  const granted = new Set(own.flatMap(({ Action }) => Action.map((action) => action.toLowerCase())))
  const missing = ENTER_ACTIONS.filter((action) => !granted.has(action))
  return [
    ...strangers.map((arn) => `The trust policy names ${arn}, which is no role or user of Latchkey's account.`),
    ...(named.size > 2 ? ['The trust policy names more than the two identities of Latchkey, web and workers.'] : []),
    ...missing.map((action) => `The trust policy does not let ${ownArn} call ${action}.`),
    ...statements.flatMap((statement) => [...statementFaults(statement), ...externalIdFaults(statement, externalId)]),
  ]
}

/** Whether any statement of the trust policy names this process. @param ownArn As for `trustFaults`. */
export function namesIdentity(document: string, ownArn: string): boolean {
  return (document.match(/arn:[\w-]+:iam::\d{12}:(?:role|user)\/[\w+=,.@/-]+/g) ?? []).some((arn) =>
    isSame(arn, ownArn),
  )
}

function statementFaults({ Action, Condition }: TrustAllow): readonly string[] {
  const names = Action.map((action) => action.toLowerCase())
  const unexpected = Action.filter((_, index) => !ENTER_ACTIONS.includes(names[index] ?? ''))
  const faults = unexpected.map((action) => `The trust policy allows ${action}; take it out.`)
  if (!names.includes('sts:assumerole')) return faults
  // `Null` with the values `false` and `true` always holds, so all values must be `false`.
  const present = condition(Condition, ['null'], 'sts:sourceidentity')
  const demanded =
    condition(Condition, ['stringequals', 'stringlike'], 'sts:sourceidentity').length > 0 ||
    (present.length > 0 && present.every((value) => value === 'false'))
  return demanded ? faults : [...faults, 'The trust policy lets somebody in without sts:SourceIdentity; demand it.']
}

/**
 * Every statement that allows AssumeRole must demand the external id of the account's hub, and none if there is no hub.
 * The returned faults do not quote the id, because it should not become widely known.
 */
function externalIdFaults({ Action, Condition }: TrustAllow, externalId: string | undefined): readonly string[] {
  if (!Action.some((action) => action.toLowerCase() === 'sts:assumerole')) return []
  const demanded = condition(Condition, ['stringequals'], 'sts:externalid')
  if (externalId === undefined)
    return demanded.length === 0 ? [] : ['The trust policy demands an sts:ExternalId; the rules name no hub for it.']
  const same = demanded.length > 0 && demanded.every((id) => id === externalId)
  return same
    ? []
    : ['The trust policy does not demand the sts:ExternalId that the rules name; demand it, and no other.']
}

/** A condition key's values under the given operators. IAM ignores the case of both. `…IfExists` does not count. */
function condition(all: BoundaryAllow['Condition'], operators: readonly string[], key: string): readonly string[] {
  return Object.entries(all)
    .filter(([operator]) => operators.includes(operator.toLowerCase()))
    .flatMap(([, keys]) => Object.entries(keys))
    .filter(([name]) => name.toLowerCase() === key)
    .flatMap(([, values]) => values)
}

const IDENTITY = /^arn:aws[a-z-]*:iam::(\d{12}):(?:role|user)\/(?:[\w+=,.@-]+\/)*([\w+=,.@-]+)$/

/** The account of a role or user. Undefined for other principals: accounts, wildcards, ids of deleted roles. */
function accountOf(arn: string): string | undefined {
  return IDENTITY.exec(arn)?.[1]
}

/** Compares names without path, because the ARN of a session has no path. Names are unique in an account. */
function isSame(arn: string, ownArn: string): boolean {
  const kind = (text: string) => text.split(':')[5]?.split('/')[0]
  return (
    accountOf(arn) === accountOf(ownArn) &&
    kind(arn) === kind(ownArn) &&
    IDENTITY.exec(arn)?.[2] === IDENTITY.exec(ownArn)?.[2]
  )
}

const policy = z.object({
  Version: z.literal('2012-10-17'),
  Statement: z.union([z.array(z.unknown()), z.unknown().transform((one) => [one])]),
})

/** @returns the Allow statements, or the end of a sentence that says what is wrong with the document */
function parseStatements<T>(document: string, allowed: z.ZodType<T>): readonly T[] | string {
  const { data } = policy.safeParse(parseJson(document))
  if (!data) return 'is no document of version 2012-10-17; write it anew.'
  const rest = data.Statement.filter((statement) => !deny.safeParse(statement).success)
  const parsed = rest.map((statement) => allowed.safeParse(statement))
  if (!parsed.every(({ success }) => success))
    return 'has an Allow that is not plain; write out who, what and on which resource.'
  return parsed.flatMap((one) => (one.success ? [one.data] : []))
}
