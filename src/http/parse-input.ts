import type { z } from 'zod'
import { LatchkeyError } from '../errors.ts'
import { NO_BUCKET_POLICY } from '../rules/levels.ts'

/** Parses input. A refusal names each field at fault, and the form that it must have. */

const FORMS: Readonly<Record<string, string>> = {
  string: 'text',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  int: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
}

/** The name of a field for the reader of the refusal. */
export type FieldName = (path: readonly PropertyKey[]) => string

function fieldOfBody(path: readonly PropertyKey[]): string {
  const name = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('')
  return name === '' ? 'the body' : `\`${name.replace(/^\./, '')}\``
}

function listOf(values: readonly unknown[]): string {
  return values.map((value) => `\`${String(value)}\``).join(', ')
}

function boundOf(origin: string, how: 'at least' | 'at most', bound: number | bigint): string {
  if (origin === 'string') return `must have ${how} ${bound} ${bound === 1 ? 'character' : 'characters'}`
  if (origin === 'array') return `must hold ${how} ${bound}`
  return `must be ${how} ${bound}`
}

function demandOf(issue: z.core.$ZodIssue): string {
  const form = issue.code === 'invalid_type' ? (FORMS[issue.expected] ?? issue.expected) : ''
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? `is missing: it must be ${form}` : `must be ${form}`
    case 'invalid_value':
      return `${issue.input === undefined ? 'is missing: it ' : ''}must be one of ${listOf(issue.values)}`
    case 'too_small':
      return issue.inclusive === false
        ? `must be more than ${issue.minimum}`
        : boundOf(issue.origin, 'at least', issue.minimum)
    case 'too_big':
      return boundOf(issue.origin, 'at most', issue.maximum)
    default:
      return 'does not have the form that the OpenAPI document gives'
  }
}

function sentenceOf(issue: z.core.$ZodIssue, fieldOf: FieldName): string {
  if (issue.code === 'unrecognized_keys')
    return `${listOf(issue.keys)} ${issue.keys.length === 1 ? 'is' : 'are'} not known here`
  // A custom issue has a sentence of our own.
  if (issue.code === 'custom') return issue.message
  if (issue.code === 'invalid_value' && issue.input === 'bucket-policy') return NO_BUCKET_POLICY
  return `${fieldOf(issue.path)} ${demandOf(issue)}`
}

/** @throws BAD_INPUT that names every field at fault */
export function parseInput<S extends z.ZodType>(
  schema: S,
  given: unknown,
  fieldOf: FieldName = fieldOfBody,
): z.output<S> {
  // `reportInput`: without the input, a missing field and a wrong one look alike.
  const result = schema.safeParse(given ?? {}, { reportInput: true })
  if (result.success) return result.data
  // Only the first fault of each field is named, since zod also checks the size of a value of a wrong type.
  const first = new Map(result.error.issues.toReversed().map((issue) => [fieldOf(issue.path), issue]))
  const problems = [...first.values()].toReversed().map((issue) => sentenceOf(issue, fieldOf).replace(/\.$/, ''))
  throw new LatchkeyError('BAD_INPUT', {
    problem: `This cannot be read: ${problems.join('; ')}. Correct it and send it again.`,
  })
}
