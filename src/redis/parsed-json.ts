import { z } from 'zod'

/** A zod transform from JSON text to its value, to be piped into the schema of the value. */
export function parsedJson(text: string, context: z.RefinementCtx): unknown {
  try {
    return JSON.parse(text)
  } catch {
    context.addIssue('not JSON')
    return z.NEVER
  }
}
