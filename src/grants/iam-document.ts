import { LatchkeyError } from '../errors.ts'
import { ACTIONS, type Level, sortLevels } from '../rules/levels.ts'
import type { Scope } from '../rules/scope.ts'
import type { GrantOrder } from './driver.ts'

/** STS API reference, AssumeRole: plain text of session policy and managed policies together, white space counted. */
export const SESSION_POLICY_CHARACTERS = 2_048

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/
const WHOLE_SECOND = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/

interface Statement {
  readonly Effect: 'Allow'
  readonly Action: string | readonly string[]
  readonly Resource: readonly string[]
  readonly Condition: {
    readonly DateLessThan: { readonly 'aws:CurrentTime': string }
    readonly StringLike?: { readonly 's3:prefix': readonly string[] }
  }
}

/**
 * The session policy of a grant: exactly these scopes and levels, until `endsAt`. The same order always gives the same text.
 * What it allows is met with what the role allows; it can never give more than the role has.
 */
export function sessionPolicy(order: Pick<GrantOrder, 'scopes' | 'levels' | 'endsAt'>): string {
  const scopes = order.scopes.map(checkScope)
  const levels = sortLevels(order.levels)
  const ends = { DateLessThan: { 'aws:CurrentTime': checkEnd(order.endsAt) } } as const
  if (scopes.length === 0 || levels.length === 0) throw new TypeError('A grant has at least one scope and one level')
  const document = minify([objectStatement(scopes, levels, ends), ...listStatements(scopes, levels, ends)])
  if (policySize(document) > SESSION_POLICY_CHARACTERS) refuseSize(policySize(document))
  return document
}

/** As STS counts it: characters of the text as it is sent. */
export function policySize(document: string): number {
  return document.length
}

type Ends = Pick<Statement['Condition'], 'DateLessThan'>

function objectStatement(scopes: readonly Scope[], levels: readonly Level[], ends: Ends): Statement {
  const resources = scopes.map(({ bucket, key }) => `arn:aws:s3:::${bucket}/${below(key)}`)
  const actions = levels.flatMap((level) => ACTIONS[level].object)
  return { Effect: 'Allow', Action: sorted(actions), Resource: sorted(resources), Condition: ends }
}

/**
 * A scope of one object lists nothing: S3 matches `prefix` as text, so listing `a.csv` would show the name of `a.csv.bak` too.
 * For the same reason a prefix `P/` is listed as `P/…` only. `aws s3 ls s3://b/P` (no slash) asks for every name that begins in `P`,
 * `P-secret/…` included, and is refused; `sync` and `rm --recursive` add the slash themselves.
 */
function listStatements(scopes: readonly Scope[], levels: readonly Level[], ends: Ends): readonly Statement[] {
  if (!levels.some((level) => ACTIONS[level].list)) return []
  const listed = scopes.filter(({ key }) => key === '' || key.endsWith('/'))
  return sorted(listed.map(({ bucket }) => bucket)).map((bucket) => {
    const keys = listed.filter((scope) => scope.bucket === bucket).map(({ key }) => key)
    const condition = keys.includes('') ? ends : { ...ends, StringLike: { 's3:prefix': sorted(keys.map(below)) } }
    return listStatement(bucket, condition)
  })
}

function listStatement(bucket: string, condition: Statement['Condition']): Statement {
  return { Effect: 'Allow', Action: 's3:ListBucket', Resource: [`arn:aws:s3:::${bucket}`], Condition: condition }
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
function checkScope(scope: Scope): Scope {
  if (!BUCKET.test(scope.bucket)) throw new TypeError('A scope of this grant names no bucket')
  return scope
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

/** IAM takes U+0020 to U+00FF in a document; beyond ASCII the JSON escape says the same. */
function minify(statements: readonly Statement[]): string {
  const text = JSON.stringify({ Version: '2012-10-17', Statement: statements })
  return text.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function sorted(values: Iterable<string>): readonly string[] {
  return [...new Set(values)].sort()
}

function refuseSize(size: number): never {
  throw new LatchkeyError('QUOTA_FULL', {
    quota: `What AWS takes in one session policy (${SESSION_POLICY_CHARACTERS} characters; this one needs ${size})`,
    next: 'Ask for fewer scopes at once, or for one prefix above them.',
  })
}
