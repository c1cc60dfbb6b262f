import { z } from 'zod'
import { parseJson } from './parse-json.ts'

/** Parses a bucket policy by IAM's grammar (IAM User Guide, "Grammar of the IAM JSON policy language"). */

const oneOrMore = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat())
const conditionValues = z.union([z.string(), z.boolean(), z.number()]).transform(String)
const conditions = z.record(
  z.string(),
  z.record(z.string(), z.union([conditionValues.transform((one) => [one]), z.array(conditionValues)])),
)
/** `*`, which means everybody, or a map from kind to names. */
const principals = z.union([z.string().transform((one) => ({ AWS: [one] })), z.record(z.string(), oneOrMore)])
const statement = z.object({
  Effect: z.enum(['Allow', 'Deny']),
  Principal: principals.optional(),
  NotPrincipal: principals.optional(),
  Action: oneOrMore.optional(),
  NotAction: oneOrMore.optional(),
  Resource: oneOrMore.optional(),
  NotResource: oneOrMore.optional(),
  Condition: conditions.default({}),
})
const policy = z.object({
  Statement: z.union([z.array(statement), statement.transform((one) => [one])]),
})

export type Statement = z.infer<typeof statement>

/** @returns undefined when the document does not follow IAM's grammar */
export function parseBucketPolicy(document: string): readonly Statement[] | undefined {
  return policy.safeParse(parseJson(document)).data?.Statement
}

/** The last part of an ARN's path. */
export function nameOf(arn: string): string {
  return arn.slice(arn.lastIndexOf('/') + 1)
}

/** Whether a text matches a pattern with IAM's `*` and `?`. It ignores case, as IAM does for actions. */
export function like(pattern: string, text: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.')
  return new RegExp(`^${source}$`, 'is').test(text)
}
