import { z } from 'zod'
import { cancelRequest } from '../access-requests/cancel-request.ts'
import {
  type ReviewDeps,
  type ReviewInput,
  reviewAccessRequest,
} from '../access-requests/review/review-access-request.ts'
import { LatchkeyError } from '../errors.ts'
import { type EndGrantDeps, endGrant } from '../grants/end-grant.ts'
import { findGrant } from '../grants/find-grants.ts'
import type { Caller } from '../rules/caller.ts'
import type { LoadedRequest } from '../views/read-view.ts'
import type { Click, ClickAnswer } from './interaction.ts'
import { type PresentDeps, presentCard, presentInstead } from './present-card.ts'

const MAX_COMMENT_LENGTH = 1000
const MAX_ID_LENGTH = 40

/** Clicks that are answered from the caller and the click alone, without the conversation. */

const id = z.string().max(MAX_ID_LENGTH)
const ofRequest = z.object({ requestId: id })
const ofGrant = z.object({ grantId: id })
const ofReview = z.object({
  requestId: id,
  /** The version of the request that the card shows: what the reviewer decided on. */
  version: z.string().min(1).max(100),
  comment: z.string().trim().default(''),
})

export async function view(deps: PresentDeps, caller: Caller, click: Click): Promise<ClickAnswer> {
  const { requestId } = parseData(ofRequest, click)
  return presentCard(deps, caller, requestId, click)
}

export async function review(
  deps: PresentDeps & ReviewDeps,
  caller: Caller,
  click: Click,
  decision: ReviewInput['decision'],
): Promise<ClickAnswer> {
  const { requestId, version, comment } = parseData(ofReview, click)
  if (comment.length > MAX_COMMENT_LENGTH)
    throw new LatchkeyError('BAD_INPUT', {
      problem: `A comment has ${MAX_COMMENT_LENGTH} characters at most. Shorten it.`,
    })
  const isTheirOwn = ({ request: { request } }: LoadedRequest) => {
    const last = request.reviews.at(-1)
    return last?.reviewer.objectId === caller.objectId && last.decision === decision
  }
  try {
    const { grantId } = await reviewAccessRequest(deps, caller, requestId, { decision, comment, version })
    return await presentCard(deps, caller, requestId, { ...click, grantId })
  } catch (error) {
    if (isTooLate(error)) return await presentInstead(deps, caller, requestId, { ...click, isTheirOwn }, error)
    throw error
  }
}

export async function cancel(deps: PresentDeps, caller: Caller, click: Click): Promise<ClickAnswer> {
  const { requestId } = parseData(ofRequest, click)
  const isTheirOwn = ({ request: { request } }: LoadedRequest) => request.status === 'cancelled'
  try {
    await cancelRequest(deps, caller, requestId)
  } catch (error) {
    if (isTooLate(error)) return await presentInstead(deps, caller, requestId, { ...click, isTheirOwn }, error)
    throw error
  }
  return presentCard(deps, caller, requestId, click)
}

export async function done(deps: PresentDeps & EndGrantDeps, caller: Caller, click: Click): Promise<ClickAnswer> {
  const { grantId } = parseData(ofGrant, click)
  const isTheirOwn = ({ grant }: LoadedRequest) => grant?.grant.end?.by === caller.objectId
  try {
    const { terms } = await endGrant(deps, caller, grantId)
    return await presentCard(deps, caller, terms.requestId, click)
  } catch (error) {
    if (!isTooLate(error)) throw error
    const { terms } = await findGrant(deps, caller, grantId)
    return await presentInstead(deps, caller, terms.requestId, { ...click, isTheirOwn }, error)
  }
}

/** Whether the refusal says that the request or grant has changed since the card was rendered. */
function isTooLate(error: unknown): error is LatchkeyError {
  return error instanceof LatchkeyError && (error.code === 'CONFLICT' || error.code === 'OVER')
}

function parseData<S extends z.ZodType>(schema: S, { data }: Click): z.output<S> {
  const parsed = schema.safeParse(data)
  if (parsed.success) return parsed.data
  throw new LatchkeyError('BAD_INPUT', {
    problem: 'This card says something that Latchkey cannot read. Say my access for the cards as they are now.',
  })
}
