import { withNotice } from '../cards/card-with-notice.ts'
import { cardReaderOf } from '../cards/message-card.ts'
import { renderCard } from '../cards/request-card.ts'
import { isLatchkeyError, type LatchkeyError } from '../errors.ts'
import { readMessages } from '../messages/message.ts'
import type { Caller } from '../rules/caller.ts'
import type { RecordPort } from '../store/record-store.ts'
import { type LoadedRequest, type ReadViewDeps, readView } from '../views/read-view.ts'
import type { Click, ClickAnswer } from './interaction.ts'

export interface PresentDeps extends ReadViewDeps {
  readonly record: RecordPort
  readonly publicUrl: string
}

type Clicked = Pick<Click, 'reference'>

/**
 * The card of a request in its present state, for this reader.
 * @throws NOT_FOUND for a request that is missing, and for one that the caller may not see
 */
export async function presentCard(
  deps: PresentDeps,
  caller: Caller,
  requestId: string,
  clicked: Clicked & { readonly grantId?: string | undefined },
): Promise<{ readonly card: object }> {
  return render(deps, caller, await readView(deps, caller, requestId, clicked.grantId), clicked)
}

/**
 * Answers a click that was refused because the request or grant has changed: the card in its present state, with the
 * reason on it.
 * @param clicked `isTheirOwn`: whether the present state is what this very click asked for
 */
export async function presentInstead(
  deps: PresentDeps,
  caller: Caller,
  requestId: string,
  clicked: Clicked & { readonly isTheirOwn: (reading: LoadedRequest) => boolean },
  refusal: LatchkeyError,
): Promise<ClickAnswer> {
  try {
    const reading = await readView(deps, caller, requestId)
    const { card } = await render(deps, caller, reading, clicked)
    // A click that is delivered twice gets the same answer twice.
    return { card: clicked.isTheirOwn(reading) ? card : withNotice(card, refusal.message) }
  } catch (error) {
    // A member of a group that is too large to be notified one by one may decide, but sees the request only after
    // deciding.
    if (isLatchkeyError(error, 'NOT_FOUND')) throw refusal
    throw error
  }
}

async function render(deps: PresentDeps, caller: Caller, reading: LoadedRequest, { reference }: Clicked) {
  const { request } = reading.request
  const role = request.requester.objectId === caller.objectId ? 'requester' : 'approver'
  const isRequestCard = role === 'requester' && (await showsRequestOnly(deps, request.copies, reference))
  const view = isRequestCard ? { ...reading.view, grant: null } : reading.view
  return { card: renderCard(view, cardReaderOf(role, caller.objectId, reading), deps.publicUrl).card }
}

/** Whether the message is the requester's card of the request. The outcome is shown by a message of its own. */
async function showsRequestOnly({ record }: PresentDeps, copies: readonly string[], reference: string | undefined) {
  if (reference === undefined) return false
  const found = await readMessages(record, copies)
  return found.some(
    ({ message }) => message.reference === reference && message.role === 'requester' && message.shows === 'request',
  )
}
