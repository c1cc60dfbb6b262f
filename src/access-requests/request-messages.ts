import type { Conversation, Message, MessagePlace } from '../messages/message.ts'
import type { RecordWrite } from '../store/commit.ts'
import { newId } from '../store/ids.ts'

/** Where somebody asked: a conversation, and the message that becomes the copy, when there is one already (the form). */
export interface Thread {
  readonly conversation: Conversation
  readonly reference?: string
  /** Names what was said or sent there: however often it arrives, it asks once. */
  readonly said?: string
}

const PERSONAL: MessagePlace = { channel: 'personal' }

interface Reader {
  readonly objectId: string
  readonly mail?: string | undefined
}

/** The requester's own two, the request's first; then for each approver one in their personal chat, and one by mail. */
export function makeMessages(
  requestId: string,
  requester: Reader,
  approvers: readonly Reader[],
  thread: Thread | undefined,
): readonly Message[] {
  const make = (reader: Reader, role: Message['role'], place: MessagePlace): Message => {
    return { id: newId('c'), requestId, reader: reader.objectId, role, shows: 'request', place, presented: '' }
  }
  const ownPlace: MessagePlace = thread ? { channel: 'teams', conversation: thread.conversation } : PERSONAL
  const own = make(requester, 'requester', ownPlace)
  const form = thread?.reference === undefined ? {} : { reference: thread.reference }
  const asked = approvers.flatMap((approver) => [
    make(approver, 'approver', PERSONAL),
    ...(approver.mail === undefined ? [] : [make(approver, 'approver', { channel: 'mail' })]),
  ])
  return [{ ...own, ...form }, { ...make(requester, 'requester', ownPlace), shows: 'outcome' }, ...asked]
}

export function newMessageWrites(copies: readonly Message[]): readonly RecordWrite[] {
  return copies.map((next) => ({ kind: 'copy', id: next.id, expectedVersion: 0, next }))
}
