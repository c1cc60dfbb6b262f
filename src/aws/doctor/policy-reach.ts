import { z } from 'zod'
import { parseJson } from '../../policies/parse-json.ts'

/**
 * A reader of IAM documents for one question: may somebody write to objects of this bucket, leaving conditions aside? It is a warning light, not
 * AWS's evaluation: what a condition, an organization or a session policy takes away is not seen, and a conditional Allow counts.
 */

const oneOrMore = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat())
const statement = z.looseObject({
  Effect: z.string(),
  Action: oneOrMore.optional(),
  NotAction: oneOrMore.optional(),
  Resource: oneOrMore.optional(),
  NotResource: oneOrMore.optional(),
  Principal: z.unknown().optional(),
  Condition: z.unknown().optional(),
})
const document = z.object({ Statement: z.union([z.array(statement), statement.transform((one) => [one])]) })

export type ReadStatement = z.infer<typeof statement>

/** Undefined: it is no document that can be read. */
export function readStatements(text: string): readonly ReadStatement[] | undefined {
  return document.safeParse(parseJson(text)).data?.Statement
}

const OBJECT_WRITES = [
  ...['s3:PutObject', 's3:DeleteObject', 's3:DeleteObjectVersion', 's3:PutObjectAcl', 's3:PutObjectTagging'],
  ...['s3:DeleteObjectTagging', 's3:ReplicateObject', 's3:PutObjectRetention'],
]
const BUCKET_WRITES = ['s3:PutBucketPolicy', 's3:PutBucketAcl', 's3:DeleteBucketPolicy', 's3:PutLifecycleConfiguration']

/** Those of the writing actions that the statements allow somewhere in the bucket and that none of them denies all over it. */
export function writesAllowed(statements: readonly ReadStatement[], bucketArn: string): readonly string[] {
  const allows = statements.filter(({ Effect }) => Effect === 'Allow')
  const denies = statements.filter(({ Effect, Condition }) => Effect === 'Deny' && Condition === undefined)
  const objects = OBJECT_WRITES.filter(
    (action) =>
      allows.some((one) => namesAction(one, action) && reachesInto(one, `${bucketArn}/`)) &&
      !denies.some((one) => namesAction(one, action) && coversAll(one, `${bucketArn}/`)),
  )
  const bucket = BUCKET_WRITES.filter(
    (action) =>
      allows.some((one) => namesAction(one, action) && coversAll(one, bucketArn)) &&
      !denies.some((one) => namesAction(one, action) && coversAll(one, bucketArn)),
  )
  return [...objects, ...bucket]
}

/** Everything, everywhere: an administrator, whom no rule of a bucket can hold. */
export function isAdministrator(statements: readonly ReadStatement[]): boolean {
  return statements.some(
    ({ Effect, Action = [], Resource = [] }) => Effect === 'Allow' && Action.includes('*') && Resource.includes('*'),
  )
}

function namesAction({ Action, NotAction }: ReadStatement, action: string): boolean {
  const isNamed = (patterns: readonly string[]) => patterns.some((one) => glob(one, 'i').test(action))
  return Action === undefined ? !isNamed(NotAction ?? ['*']) : isNamed(Action)
}

/** Some object below `start` is meant. */
function reachesInto({ Resource, NotResource }: ReadStatement, start: string): boolean {
  if (Resource === undefined) return !coversAll({ Resource: NotResource }, start)
  return Resource.some((pattern) => mayBegin(pattern, start))
}

/** A key that nobody names by chance. */
const ANY_KEY = '\u00b7any\u00b7'

function coversAll({ Resource = [] }: Pick<ReadStatement, 'Resource'>, start: string): boolean {
  return Resource.some((pattern) => glob(pattern).test(start.endsWith('/') ? start + ANY_KEY : start))
}

function glob(pattern: string, flags = ''): RegExp {
  const escaped = plain(pattern).replace(/[.+^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, `s${flags}`)
}

/** A policy variable may stand for anything. */
function plain(pattern: string): string {
  return pattern.replace(/\$\{[^}]*\}/g, '*')
}

/** Whether a text that begins with `start` can fit: what is left of the pattern then, its end can still meet. */
function mayBegin(pattern: string, start: string): boolean {
  const signs = plain(pattern)
  let places = new Set(skipStars(signs, [0]))
  for (const letter of start) {
    const next = [...places].flatMap((at) => {
      if (signs[at] === '*') return [at]
      return signs[at] === '?' || signs[at] === letter ? [at + 1] : []
    })
    places = new Set(skipStars(signs, next))
  }
  return places.size > 0
}

function skipStars(signs: string, places: readonly number[]): readonly number[] {
  return places.flatMap((at) => (signs[at] === '*' ? [at, ...skipStars(signs, [at + 1])] : [at]))
}
