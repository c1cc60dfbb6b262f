import { z } from 'zod'
import { parseJson } from '../../policies/parse-json.ts'

/**
 * Reads IAM documents for one question: do they allow writes to objects of a bucket? It serves a warning and is no full
 * evaluation. A conditional Allow counts, a conditional Deny does not. Organization policies and session policies are
 * not read.
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

/** The document's statements. Undefined: the text is no IAM document. */
export function readStatements(text: string): readonly ReadStatement[] | undefined {
  return document.safeParse(parseJson(text)).data?.Statement
}

const OBJECT_WRITES = [
  ...['s3:PutObject', 's3:DeleteObject', 's3:DeleteObjectVersion', 's3:PutObjectAcl', 's3:PutObjectTagging'],
  ...['s3:DeleteObjectTagging', 's3:ReplicateObject', 's3:PutObjectRetention'],
]
const BUCKET_WRITES = ['s3:PutBucketPolicy', 's3:PutBucketAcl', 's3:DeleteBucketPolicy', 's3:PutLifecycleConfiguration']

/** The write actions that the statements allow for some object of the bucket and do not deny for the whole bucket. */
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

/** Whether the statements allow every action on every resource. */
export function isAdministrator(statements: readonly ReadStatement[]): boolean {
  return statements.some(
    ({ Effect, Action = [], Resource = [] }) => Effect === 'Allow' && Action.includes('*') && Resource.includes('*'),
  )
}

function namesAction({ Action, NotAction }: ReadStatement, action: string): boolean {
  const isNamed = (patterns: readonly string[]) => patterns.some((one) => glob(one, 'i').test(action))
  return Action === undefined ? !isNamed(NotAction ?? ['*']) : isNamed(Action)
}

/** Whether the statement's resources include some object below `start`. */
function reachesInto({ Resource, NotResource }: ReadStatement, start: string): boolean {
  if (Resource === undefined) return !coversAll({ Resource: NotResource }, start)
  return Resource.some((pattern) => canMatchStart(pattern, start))
}

/** An example of an object key. No policy contains it, so a pattern matches it only by a wildcard. */
const ANY_KEY = '\u00b7any\u00b7'

function coversAll({ Resource = [] }: Pick<ReadStatement, 'Resource'>, start: string): boolean {
  return Resource.some((pattern) => glob(pattern).test(start.endsWith('/') ? start + ANY_KEY : start))
}

function glob(pattern: string, flags = ''): RegExp {
  const escaped = widenVariables(pattern).replace(/[.+^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, `s${flags}`)
}

/** Replaces policy variables by `*`, because they may have any value. */
function widenVariables(pattern: string): string {
  return pattern.replace(/\$\{[^}]*\}/g, '*')
}

/**
 * Whether the pattern matches some text that begins with `start`. It keeps the set of positions in the pattern that are
 * possible after each letter of `start`.
 */
function canMatchStart(pattern: string, start: string): boolean {
  const characters = widenVariables(pattern)
  let positions = new Set(skipStars(characters, [0]))
  for (const letter of start) {
    const next = [...positions].flatMap((position) => {
      if (characters[position] === '*') return [position]
      return characters[position] === '?' || characters[position] === letter ? [position + 1] : []
    })
    positions = new Set(skipStars(characters, next))
  }
  return positions.size > 0
}

function skipStars(characters: string, positions: readonly number[]): readonly number[] {
  return positions.flatMap((position) =>
    characters[position] === '*' ? [position, ...skipStars(characters, [position + 1])] : [position],
  )
}
