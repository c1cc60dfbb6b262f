import { ZodError } from 'zod'
import { cancelRequest } from '../access-requests/cancel-request.ts'
import { findRequests } from '../access-requests/find-requests.ts'
import { renderAccess } from '../cards/my-access-card.ts'
import { isLatchkeyError, LatchkeyError } from '../errors.ts'
import { type EndGrantDeps, endGrant } from '../grants/end-grant.ts'
import { findGrants } from '../grants/find-grants.ts'
import type { Grant } from '../grants/grant.ts'
import type { RenderedCard } from '../messages/message-sender.ts'
import type { Caller } from '../rules/caller.ts'
import { type RequestAndGrant, readView } from '../views/read-view.ts'
import type { PresentDeps } from './present-card.ts'

const MAX_LISTED = 100
const MAX_LIVE = 10
const MAX_RECENT = 5
const MAX_TO_REVIEW = 10

/**
 * The caller's requests: those that are live or pending first, then the newest ones. Then those that wait for their
 * review.
 */
export async function myAccess(deps: PresentDeps, caller: Caller): Promise<RenderedCard> {
  const [live, asked, toReview] = await Promise.all([
    liveGrants(deps, caller, ['activating', 'active', 'revoking']),
    findRequests(deps, caller, { role: 'requester', limit: MAX_LISTED }),
    findRequests(deps, caller, { role: 'approver', limit: MAX_TO_REVIEW }),
  ])
  const pending = asked.filter(({ request }) => request.status === 'pending').map(({ request }) => request.id)
  const recent = asked.slice(0, MAX_RECENT).map(({ request }) => request.id)
  const open = [...live.map(({ terms }) => terms.requestId), ...pending].slice(0, MAX_LIVE)
  const mine = [...new Set([...open, ...recent])]
  const show = (ids: readonly string[]) => showReadable(deps, caller, ids)
  return renderAccess(await show(mine), await show(toReview.map(({ request }) => request.id)))
}

/** Leaves out a record that cannot be read, since it was not written by Latchkey. It must not hide the others. */
async function showReadable(
  deps: PresentDeps,
  caller: Caller,
  ids: readonly string[],
): Promise<readonly RequestAndGrant[]> {
  const shown = await Promise.all(
    ids.map((id) =>
      readView(deps, caller, id).then(
        (reading) => [reading.view],
        (error: unknown) => {
          if (error instanceof ZodError || isLatchkeyError(error, 'NOT_FOUND')) return []
          throw error
        },
      ),
    ),
  )
  return shown.flat()
}

/**
 * Ends a grant. Without an id, the caller's only live grant is meant.
 * @returns the sentence for the person
 * @throws BAD_INPUT if there is none, or more than one
 */
export async function endByWord(deps: PresentDeps & EndGrantDeps, caller: Caller, grantId?: string): Promise<string> {
  const grant = await endGrant(deps, caller, grantId ?? (await onlyGrant(deps, caller, 'done')))
  return `Grant ${grant.id} ends now: AWS is told to refuse it. Its card says when that is done.`
}

export async function cancelByWord(deps: PresentDeps, caller: Caller, requestId: string): Promise<string> {
  const { id } = await cancelRequest(deps, caller, requestId)
  return `Request ${id} is cancelled.`
}

/**
 * The id of the caller's only live grant.
 * @throws BAD_INPUT if there is none, or more than one; it says what to type instead
 */
export async function onlyGrant(deps: PresentDeps, caller: Caller, word: 'done' | 'extend'): Promise<string> {
  const [first, ...others] = await liveGrants(deps, caller, ['activating', 'active'])
  if (first === undefined)
    throw new LatchkeyError('BAD_INPUT', {
      problem: 'You have no live grant. Say my access to see what you asked for.',
    })
  if (others.length === 0) return first.id
  const ids = [first, ...others].map(({ id }) => id).slice(0, MAX_LIVE)
  throw new LatchkeyError('BAD_INPUT', {
    // Ids only: the reply may be in a channel, and not everybody there may know the scopes.
    problem: `You have ${others.length + 1} live grants: ${ids.join(', ')}. Say which one, as ${word} ${first.id}. In our own chat, my access shows what each is for.`,
  })
}

async function liveGrants(deps: PresentDeps, caller: Caller, live: readonly Grant['status'][]) {
  const found = await findGrants(deps, caller, { limit: MAX_LISTED })
  return found.filter(({ status, terms }) => live.includes(status) && terms.requester === caller.objectId)
}
