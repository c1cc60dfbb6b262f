import type { GenuineRequest } from '../src/access-requests/genuine-request.ts'
import { LATCHKEY } from '../src/audit/events.ts'
import { shouldShow } from '../src/cards/message-card.ts'
import { claimedForMs } from '../src/messages/delivery-claim.ts'
import { type Message, readMessages, type StoredMessage } from '../src/messages/message.ts'
import { messageClaim } from '../src/messages/message-claim.ts'
import { SenderBusy, Unreachable } from '../src/messages/message-sender.ts'
import type { LoadedRequest } from '../src/views/read-view.ts'
import { type DeliveryOutcome, type SendDeps, sendCard, sendMail, writeMessage } from './send-message.ts'

/** After this many sends without an answer the message may have arrived. Stop, so that nobody gets it many times. */
const MAX_TRIES = { mail: 2, card: 3 } as const

/**
 * Brings one message to the present state, unless another process is sending it.
 * @param now the record's clock, in ms
 */
export async function deliverMessage(
  deps: SendDeps,
  reading: LoadedRequest<GenuineRequest>,
  stored: StoredMessage,
  now: () => number,
): Promise<DeliveryOutcome> {
  const { message } = stored
  if (message.dead !== undefined || !shouldShow(message, reading)) return 'up-to-date'
  const claimedMs = claimedForMs(messageClaim, message, now())
  if (claimedMs > 0) return { waitMs: claimedMs }
  const delivery = { deps, reading, now }
  try {
    refuseFurtherTries(message)
    return message.place.channel === 'mail' ? await sendMail(delivery, stored) : await sendCard(delivery, stored)
  } catch (error) {
    if (error instanceof SenderBusy) return { waitMs: error.waitMs }
    if (!(error instanceof Unreachable)) throw error
    await recordUnreachable(deps, message.id, error.reason)
    return 'up-to-date'
  }
}

function refuseFurtherTries({ place, tries = 0, reference }: Message): void {
  const maxTries = place.channel === 'mail' ? MAX_TRIES.mail : MAX_TRIES.card
  if (reference === undefined && tries >= maxTries)
    throw new Unreachable(`It was sent ${tries} times and never answered: it may be there or not.`)
}

/** Reads the message again, since it may have been claimed meanwhile. */
async function recordUnreachable({ record, log }: SendDeps, copyId: string, reason: string): Promise<void> {
  const [stored] = await readMessages(record, [copyId])
  if (!stored) return
  const { requestId, reader } = stored.message
  log.warn({ copyId, requestId, reason }, 'a message cannot be delivered')
  await writeMessage(record, stored, { ...messageClaim.clear(stored.message), dead: reason }, [
    { kind: 'copy.unreachable', actor: LATCHKEY, requestId, copyId, reader, reason },
  ])
}
