import type { ClickAnswer } from '../interactions/interaction.ts'

/**
 * The answer to an invoke. The HTTP status is always 200, and the status code is in the body ("Universal Action
 * Model"). With HTTP 400 Teams shows nothing at all.
 */

const CARD = 'application/vnd.microsoft.card.adaptive'
const MESSAGE = 'application/vnd.microsoft.activity.message'
const ERROR = 'application/vnd.microsoft.error'

export interface InvokeAnswer {
  readonly statusCode: number
  readonly type: string
  readonly value: unknown
}

export function invokeAnswer(answer: ClickAnswer): InvokeAnswer {
  if ('card' in answer) return { statusCode: 200, type: CARD, value: answer.card }
  if ('message' in answer) return { statusCode: 200, type: MESSAGE, value: answer.message }
  return { statusCode: 400, type: ERROR, value: answer.error }
}

export const NOTHING_FOUND: InvokeAnswer = {
  statusCode: 200,
  type: 'application/vnd.microsoft.search.searchResponse',
  value: { results: [] },
}

export function wentWrong(reference: string): string {
  return `Something went wrong here. Nothing is known to be changed; tell the operator the reference ${reference}.`
}

export function invokeFailure(reference: string): InvokeAnswer {
  return { statusCode: 500, type: ERROR, value: { code: 'INTERNAL', message: wentWrong(reference) } }
}
