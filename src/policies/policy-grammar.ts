import { z } from 'zod'
import { parseJson } from './parse-json.ts'

/** A bucket's own policy, as far as IAM's grammar goes. */

const oneOrMore = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat())
const conditionValues = z.union([z.string(), z.boolean(), z.number()]).transform(String)
const conditions = z.record(
  z.string(),
  z.record(z.string(), z.union([conditionValues.transform((one) => [one]), z.array(conditionValues)])),
)
/** `*`, or kind → names. */
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

/** Undefined: it is not as IAM writes one. */
export function parseBucketPolicy(document: string): readonly Statement[] | undefined {
  return policy.safeParse(parseJson(document)).data?.Statement
}

export function nameOf(arn: string): string {
  return arn.slice(arn.lastIndexOf('/') + 1)
}

/** IAM's `*` and `?`; names of actions are compared in lower case. */
export function like(pattern: string, text: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.')
  return new RegExp(`^${source}$`, 'is').test(text)
}
