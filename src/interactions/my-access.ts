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

const MOST_GRANTS = 100
const MOST_LIVE = 10
const MOST_RECENT = 5
const MOST_TO_REVIEW = 10

/** What is live or waits comes first, then what was asked for last. */
export async function myAccess(deps: PresentDeps, caller: Caller): Promise<RenderedCard> {
  const [live, asked, toReview] = await Promise.all([
    liveGrants(deps, caller, ['activating', 'active', 'revoking']),
    findRequests(deps, caller, { role: 'requester', limit: MOST_GRANTS }),
    findRequests(deps, caller, { role: 'approver', limit: MOST_TO_REVIEW }),
  ])
  const pending = asked.filter(({ request }) => request.status === 'pending').map(({ request }) => request.id)
  const recent = asked.slice(0, MOST_RECENT).map(({ request }) => request.id)
  const open = [...live.map(({ terms }) => terms.requestId), ...pending].slice(0, MOST_LIVE)
  const mine = [...new Set([...open, ...recent])]
  const show = (ids: readonly string[]) => showReadable(deps, caller, ids)
  return renderAccess(await show(mine), await show(toReview.map(({ request }) => request.id)))
}

/** What somebody else wrote under a key of ours hides nothing but itself. */
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

/** Without an id the only live grant is meant; of several, the person says which. */
export async function endByWord(deps: PresentDeps & EndGrantDeps, caller: Caller, grantId?: string): Promise<string> {
  const grant = await endGrant(deps, caller, grantId ?? (await onlyGrant(deps, caller, 'done')))
  return `Grant ${grant.id} ends now: AWS is told to refuse it. Its card says when that is done.`
}

export async function cancelByWord(deps: PresentDeps, caller: Caller, requestId: string): Promise<string> {
  const { id } = await cancelRequest(deps, caller, requestId)
  return `Request ${id} is cancelled.`
}

/** @throws BAD_INPUT with what to say instead */
export async function onlyGrant(deps: PresentDeps, caller: Caller, word: 'done' | 'extend'): Promise<string> {
  const [first, ...others] = await liveGrants(deps, caller, ['activating', 'active'])
  if (first === undefined)
    throw new LatchkeyError('BAD_INPUT', {
      problem: 'You have no live grant. Say my access to see what you asked for.',
    })
  if (others.length === 0) return first.id
  const ids = [first, ...others].map(({ id }) => id).slice(0, MOST_LIVE)
  throw new LatchkeyError('BAD_INPUT', {
    // Their scopes are not for everybody in a channel.
    problem: `You have ${others.length + 1} live grants: ${ids.join(', ')}. Say which one, as ${word} ${first.id}. In our own chat, my access shows what each is for.`,
  })
}

async function liveGrants(deps: PresentDeps, caller: Caller, live: readonly Grant['status'][]) {
  const found = await findGrants(deps, caller, { limit: MOST_GRANTS })
  return found.filter(({ status, terms }) => live.includes(status) && terms.requester === caller.objectId)
}
