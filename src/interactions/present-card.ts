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
 * The request as it is now, for this reader, whatever the card that was clicked still says.
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

/** Somebody came too late, or their card was stale: what they clicked changed nothing, and they are told why on the card as it is now. */
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
    // A click that arrives twice is answered twice alike.
    return { card: clicked.isTheirOwn(reading) ? card : withNotice(card, refusal.message) }
  } catch (error) {
    // One of a group too large to be asked one by one may decide, and is concerned only once they did.
    if (isLatchkeyError(error, 'NOT_FOUND')) throw refusal
    throw error
  }
}

async function render(deps: PresentDeps, caller: Caller, reading: LoadedRequest, { reference }: Clicked) {
  const { request } = reading.request
  const role = request.requester.objectId === caller.objectId ? 'requester' : 'approver'
  const isFirst = role === 'requester' && (await isOfTheRequest(deps, request.copies, reference))
  const view = isFirst ? { ...reading.view, grant: null } : reading.view
  return { card: renderCard(view, cardReaderOf(role, caller.objectId, reading), deps.publicUrl).card }
}

/** The message that tells what was asked; what came of it has a message of its own. */
async function isOfTheRequest({ record }: PresentDeps, copies: readonly string[], reference: string | undefined) {
  if (reference === undefined) return false
  const found = await readMessages(record, copies)
  return found.some(
    ({ message }) => message.reference === reference && message.role === 'requester' && message.shows === 'request',
  )
}
