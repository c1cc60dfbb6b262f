import type { Conversation, Message, MessagePlace } from '../messages/message.ts'
import type { RecordWrite } from '../store/commit.ts'
import { newId } from '../store/ids.ts'

/** The Teams conversation in which a request was made. */
export interface Thread {
  readonly conversation: Conversation
  /** The form that the requester sent, if any. It becomes the requester's message. */
  readonly reference?: string
  /** Id of the chat message or form that made the request. Delivered again, it makes no second request. */
  readonly said?: string
}

const PERSONAL: MessagePlace = { channel: 'personal' }

interface Reader {
  readonly objectId: string
  readonly mail?: string | undefined
}

/**
 * First the two messages of the requester: the request, then its outcome. After them one message in the personal chat
 * of each approver, and one mail to each approver who has an address.
 */
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

export function newMessageWrites(messages: readonly Message[]): readonly RecordWrite[] {
  return messages.map((next) => ({ kind: 'copy', id: next.id, expectedVersion: 0, next }))
}
