import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { findRequests } from '../access-requests/find-requests.ts'
import { type AskInput, type AskNeeds, requestAccess } from '../access-requests/request-access.ts'
import { readCopies } from '../cards/copy.ts'
import type { Given } from '../cards/render-form.ts'
import { isLatchkeyError, LatchkeyError } from '../errors.ts'
import type { Lease, RecordPort } from '../record.ts'
import type { Caller } from '../rules/caller.ts'
import { LEVELS, sortLevels } from '../rules/levels.ts'
import { toAsk } from './ask-fields.ts'
import type { Action, Answer, Turn } from './bot.ts'
import { type PresentNeeds, presentCard } from './present-card.ts'
import { formFor } from './turn-ask.ts'

/** Nobody asks oftener within the hour. */
const MOST_RECENT = 20
const LEASE_MS = 10_000
/** Teams waits for an answer of ours for a little longer than this. */
const WAIT_MS = 2_500
const LOOK_EVERY_MS = 100

const text = z.string().trim().max(5_000).optional()

const formData = z.object({
  for: z.string(),
  scope: text,
  below: text,
  levels: text,
  duration: text,
  reason: text,
  ticket: text,
})

type FormData = z.output<typeof formData>

/** The form was sent. Its own message becomes the card of the request, so one form is one request, however often it arrives. */
export async function askByForm(needs: AskNeeds & PresentNeeds, turn: Turn, action: Action): Promise<Answer> {
  const { caller } = turn
  const form = formData.safeParse(action.data)
  if (!form.success) throw badInput('This form cannot be read. Say request to get a new one.')
  if (form.data.for !== caller.objectId)
    throw badInput('This form belongs to somebody else. Say request to get your own.')
  const lease = await leaseOf(needs.record, turn, action)
  if (lease === 'busy') return { message: 'This form was sent already; its card follows in a moment.' }
  try {
    const earlier = await earlierRequest(needs, turn, action)
    const requestId = earlier ?? (await ask(needs, turn, action, form.data))
    return await presentCard(needs, caller, requestId, action)
  } catch (error) {
    return await formAgain(needs, caller, form.data, error)
  } finally {
    await lease?.release()
  }
}

async function ask(needs: AskNeeds, { caller, conversation }: Turn, { reference }: Action, form: FormData) {
  const thread = reference === undefined ? { conversation } : { conversation, reference }
  const { id } = await requestAccess(needs, caller, { ...readForm(form), thread })
  return id
}

/** Two deliveries of one click may run in two processes at once. */
async function leaseOf(
  record: RecordPort,
  { conversation }: Turn,
  { reference }: Action,
): Promise<Lease | undefined | 'busy'> {
  if (reference === undefined) return undefined
  const place = createHash('sha256').update(`${conversation.conversationId} ${reference}`).digest('base64url')
  for (let waitedMs = 0; waitedMs <= WAIT_MS; waitedMs += LOOK_EVERY_MS) {
    const lease = await record.lease(`form-${place}`, LEASE_MS)
    if (lease) return lease
    await delay(LOOK_EVERY_MS)
  }
  return 'busy'
}

/** The request that this message became. */
async function earlierRequest(
  { record }: PresentNeeds,
  { caller, conversation }: Turn,
  { reference }: Action,
): Promise<string | undefined> {
  if (reference === undefined) return undefined
  const recent = await findRequests({ record }, caller, { role: 'requester', limit: MOST_RECENT })
  const firsts = recent.flatMap(({ request: { copies } }) => copies.slice(0, 1))
  const found = (await readCopies(record, firsts)).find(
    ({ copy: { place, ...copy } }) =>
      copy.reference === reference &&
      place.channel === 'teams' &&
      place.conversation.conversationId === conversation.conversationId,
  )
  return found?.copy.requestId
}

/** Refused: what was filled in stays, and a sentence says what to change. */
async function formAgain(needs: AskNeeds, caller: Caller, form: FormData, error: unknown): Promise<Answer> {
  // What does not answer now would not fill a form either, and what is too much is not made more; the one on the screen can be sent again.
  if (!(error instanceof LatchkeyError) || error.code === 'UNAVAILABLE' || error.code === 'TOO_MANY') throw error
  try {
    return { card: (await formFor(needs, caller, { given: givenOf(form), problem: error.message })).card }
  } catch (another) {
    // Why it was refused is still what they have to know.
    if (isLatchkeyError(another, 'TOO_MANY')) throw error
    throw another
  }
}

function readForm({ scope, below, levels, duration, reason, ticket }: FormData): AskInput {
  if (!scope) throw badInput('Choose a scope.')
  return toAsk({
    scopes: [narrowed(scope, below)],
    levels: levelsOf(levels),
    reason: reason ?? '',
    ...(duration ? { duration } : {}),
    ...(ticket ? { ticket } : {}),
  })
}

/** Only ever further down: `..` and doubled slashes are refused where the scope is parsed. */
function narrowed(scope: string, below: string | undefined): string {
  if (!below) return scope
  if (below.startsWith(scope)) return below
  if (!scope.endsWith('/'))
    throw badInput(`${scope} is one object: there is nothing below it. Leave the narrower part empty.`)
  return `${scope}${below}`
}

/** As the multiple choice of a card sends them. */
function levelsOf(levels = '') {
  const chosen = levels.split(',').map((level) => level.trim())
  return sortLevels(LEVELS.filter((level) => chosen.includes(level)))
}

function givenOf({ for: _, levels, ...typed }: FormData): Given {
  const given = Object.entries(typed).filter(([, value]) => value !== undefined)
  return { ...Object.fromEntries(given), levels: levelsOf(levels) }
}

function badInput(problem: string): LatchkeyError {
  return new LatchkeyError('BAD_INPUT', { problem })
}
