import { createHash } from 'node:crypto'
import { ASKED_ALREADY } from '../access-requests/request-limits.ts'
import { isLatchkeyError } from '../errors.ts'
import type { Conversation } from '../messages/message.ts'

const NAME_LENGTH = 22

/**
 * Names a chat message or a form by a hash of its conversation and message id, so that each makes one request only.
 * 22 characters of base64url.
 */
export function nameSaid({ conversationId }: Conversation, id: string): string {
  return createHash('sha256').update(`${conversationId} ${id}`).digest('base64url').slice(0, NAME_LENGTH)
}

/** Whether the commit of the request found that the message or form has made a request before. */
export function wasAskedAlready(error: unknown): boolean {
  return isLatchkeyError(error, 'CONFLICT') && error.facts.outcome === ASKED_ALREADY
}
