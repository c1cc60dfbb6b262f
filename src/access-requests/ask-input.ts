import { LatchkeyError } from '../errors.ts'
import { parseDuration } from '../rules/duration.ts'
import type { AskableLevel } from '../rules/levels.ts'
import { parseScope } from '../rules/scope.ts'
import type { AskInput } from './request-access.ts'

/** The fields of a request as a chat line or a form gave them. */
export interface AskFields {
  readonly scopes: readonly string[]
  readonly levels: readonly AskableLevel[]
  readonly duration?: string
  readonly reason: string
  readonly ticket?: string
}

const MOST_SCOPES = 10
const LONGEST_REASON = 1000
const LONGEST_TICKET = 100

/** @throws BAD_INPUT with a sentence for the requester */
export function toAsk({ scopes, levels, duration, reason, ticket }: AskFields): AskInput {
  if (scopes.length > MOST_SCOPES)
    refuse(`One request names ${MOST_SCOPES} scopes at most. Ask for a prefix above them.`)
  if (levels.length === 0) refuse('Choose at least one level.')
  if (reason === '') refuse('Say why you need this: the reason is what the approver decides by.')
  if (reason.length > LONGEST_REASON) refuse(`A reason has ${LONGEST_REASON} characters at most. Shorten it.`)
  if (ticket && ticket.length > LONGEST_TICKET) refuse(`A ticket number has ${LONGEST_TICKET} characters at most.`)
  return {
    scopes: scopes.map(parseScope),
    levels,
    reason,
    ...(duration ? { durationMinutes: parseDuration(duration) } : {}),
    ...(ticket ? { ticket } : {}),
  }
}

function refuse(problem: string): never {
  throw new LatchkeyError('BAD_INPUT', { problem })
}
