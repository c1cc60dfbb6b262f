import { z } from 'zod'
import { cancelRequest } from '../access-requests/cancel-request.ts'
import {
  type ReviewInput,
  type ReviewNeeds,
  reviewAccessRequest,
} from '../access-requests/review/review-access-request.ts'
import { LatchkeyError } from '../errors.ts'
import { endGrant } from '../grants/end-grant.ts'
import { findGrant } from '../grants/find-grants.ts'
import type { Reading } from '../views/read-view.ts'
import type { Action, Answer, Turn } from './interaction.ts'
import { type PresentNeeds, presentCard, presentInstead } from './present-card.ts'

const LONGEST_COMMENT = 1000
const LONGEST_ID = 40

const id = z.string().max(LONGEST_ID)
const ofRequest = z.object({ requestId: id })
const ofGrant = z.object({ grantId: id })
const ofReview = z.object({
  requestId: id,
  /** Without it nobody could know what was said yes to. */
  version: z.string().min(1).max(100),
  comment: z.string().trim().default(''),
})

export async function view(needs: PresentNeeds, { caller }: Turn, action: Action): Promise<Answer> {
  const { requestId } = parseData(ofRequest, action)
  return presentCard(needs, caller, requestId, action)
}

export async function review(
  needs: PresentNeeds & ReviewNeeds,
  { caller }: Turn,
  action: Action,
  decision: ReviewInput['decision'],
): Promise<Answer> {
  const { requestId, version, comment } = parseData(ofReview, action)
  if (comment.length > LONGEST_COMMENT)
    throw new LatchkeyError('BAD_INPUT', {
      problem: `A comment has ${LONGEST_COMMENT} characters at most. Shorten it.`,
    })
  const isTheirOwn = ({ request: { request } }: Reading) => {
    const last = request.reviews.at(-1)
    return last?.reviewer.objectId === caller.objectId && last.decision === decision
  }
  try {
    const { grantId } = await reviewAccessRequest(needs, caller, requestId, { decision, comment, version })
    return await presentCard(needs, caller, requestId, { ...action, grantId })
  } catch (error) {
    if (isTooLate(error)) return await presentInstead(needs, caller, requestId, { ...action, isTheirOwn }, error)
    throw error
  }
}

export async function cancel(needs: PresentNeeds, { caller }: Turn, action: Action): Promise<Answer> {
  const { requestId } = parseData(ofRequest, action)
  const isTheirOwn = ({ request: { request } }: Reading) => request.status === 'cancelled'
  try {
    await cancelRequest(needs, caller, requestId)
  } catch (error) {
    if (isTooLate(error)) return await presentInstead(needs, caller, requestId, { ...action, isTheirOwn }, error)
    throw error
  }
  return presentCard(needs, caller, requestId, action)
}

export async function done(needs: PresentNeeds, { caller }: Turn, action: Action): Promise<Answer> {
  const { grantId } = parseData(ofGrant, action)
  const isTheirOwn = ({ grant }: Reading) => grant?.grant.end?.by === caller.objectId
  try {
    const { terms } = await endGrant(needs, caller, grantId)
    return await presentCard(needs, caller, terms.requestId, action)
  } catch (error) {
    if (!isTooLate(error)) throw error
    const { terms } = await findGrant(needs, caller, grantId)
    return await presentInstead(needs, caller, terms.requestId, { ...action, isTheirOwn }, error)
  }
}

/** The record is further than the card that was clicked. */
function isTooLate(error: unknown): error is LatchkeyError {
  return error instanceof LatchkeyError && (error.code === 'CONFLICT' || error.code === 'OVER')
}

function parseData<S extends z.ZodType>(schema: S, { data }: Action): z.output<S> {
  const parsed = schema.safeParse(data)
  if (parsed.success) return parsed.data
  throw new LatchkeyError('BAD_INPUT', {
    problem: 'This card says something that Latchkey cannot read. Say my access for the cards as they are now.',
  })
}
