import { z } from 'zod'
import { isLatchkeyError } from '../../errors.ts'
import { NO_BUCKET_POLICY } from '../levels.ts'

/** Building blocks of the rules schema. Their messages say what was expected and what was found. */

/** Words that a later version will have. The message says so, instead of calling them unknown. */
const LATER_WORDS = new Set(['ticket', 'guardRails', 'breakGlass', 'autoApprove', 'bucket-owners'])

export type Issue = { readonly code?: string | undefined; readonly input?: unknown; readonly keys?: readonly string[] }

export function laterProblem(word: string): string | undefined {
  if (word === 'bucket-policy') return `${NO_BUCKET_POLICY} Remove it.`
  return LATER_WORDS.has(word) ? `This version of Latchkey does not have \`${word}\` yet. Remove it.` : undefined
}

export function strict<const S extends z.ZodRawShape>(shape: S) {
  const keys = Object.keys(shape).join(', ')
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? `Expected here: ${keys}.` : mismatch(`a map of ${keys}`, issue),
  })
}

export function list<S extends z.ZodType>(item: S, least: number) {
  const form = least === 0 ? 'a list' : 'a list that is not empty'
  return z.array(item, expected(form)).min(least, expected(form))
}

export function mapOf<K extends z.ZodType<string, string>, V extends z.ZodType>(form: string, key: K, value: V) {
  return z.record(key, value, expected(form))
}

export function text(form: string, pattern: RegExp) {
  return z.string(expected(form)).regex(pattern, expected(form))
}

/** A text that `read` parses. The sentence of its BAD_INPUT becomes the message. */
export function parsedText<T>(form: string, read: (written: string) => T) {
  return z.string(expected(form)).transform((written, context) => {
    try {
      return read(written)
    } catch (error) {
      if (!isLatchkeyError(error, 'BAD_INPUT')) throw error
      context.addIssue({ code: 'custom', message: error.message, input: written })
      return z.NEVER
    }
  })
}

export function expected(form: string) {
  return { error: (issue: Issue) => mismatch(form, issue) }
}

export function mismatch(form: string, { input }: Issue): string {
  if (input === undefined) return `This key is missing: expected ${form}.`
  const later = typeof input === 'string' ? laterProblem(input) : undefined
  if (later) return later
  const seen = typeof input === 'object' && input !== null ? 'something else' : JSON.stringify(input).slice(0, 80)
  return `Expected ${form}, found ${input === null ? 'nothing' : seen}.`
}
