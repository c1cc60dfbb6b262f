import { createHash } from 'node:crypto'
import { ASKED_ALREADY } from '../access-requests/request-limits.ts'
import { isLatchkeyError } from '../errors.ts'
import type { Conversation } from '../messages/message.ts'

const LENGTH = 22

/** Names a line or a form by the message that holds it: one line, and one form, is one request. */
export function nameSaid({ conversationId }: Conversation, id: string): string {
  return createHash('sha256').update(`${conversationId} ${id}`).digest('base64url').slice(0, LENGTH)
}

/** The ask's own commit found that it was taken before. */
export function wasAskedAlready(error: unknown): boolean {
  return isLatchkeyError(error, 'CONFLICT') && error.facts.outcome === ASKED_ALREADY
}
