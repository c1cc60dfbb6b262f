import { z } from 'zod'

/** What was written as JSON, for a schema of its own to look at. */
export function parsedJson(text: string, context: z.RefinementCtx): unknown {
  try {
    return JSON.parse(text)
  } catch {
    context.addIssue('not JSON')
    return z.NEVER
  }
}
