import { z } from 'zod'
import { toAsk } from '../access-requests/ask-input.ts'
import { type AskDeps, type AskInput, requestAccess } from '../access-requests/request-access.ts'
import type { Thread } from '../access-requests/request-messages.ts'
import type { Given } from '../cards/request-form.ts'
import { isLatchkeyError, LatchkeyError } from '../errors.ts'
import type { Caller } from '../rules/caller.ts'
import { ASKABLE_LEVELS, NO_BUCKET_POLICY, sortLevels } from '../rules/levels.ts'
import { SAID } from '../store/indexes.ts'
import { type FormDeps, formFor } from './ask-by-line.ts'
import { nameSaid, wasAskedAlready } from './asked-once.ts'
import type { Click, ClickAnswer, Interaction } from './interaction.ts'
import { type PresentDeps, presentCard } from './present-card.ts'

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

/**
 * Makes a request from a form that was sent. The form's message becomes the card of the request, so that one form is
 * one request, however often it arrives.
 * @returns the request's card, or the form again with the reason for the refusal
 */
export async function askByForm(
  deps: FormDeps & PresentDeps,
  interaction: Interaction,
  click: Click,
): Promise<ClickAnswer> {
  const { caller } = interaction
  const form = formData.safeParse(click.data)
  if (!form.success) throw badInput('This form cannot be read. Say request to get a new one.')
  if (form.data.for !== caller.objectId)
    throw badInput('This form belongs to somebody else. Say request to get your own.')
  const thread = threadOf(interaction, click)
  try {
    const requestId = (await earlierRequest(deps, thread)) ?? (await ask(deps, caller, form.data, thread))
    return await presentCard(deps, caller, requestId, click)
  } catch (error) {
    // Another delivery of this form, perhaps in another process, has made the request already. Its card is the answer.
    const requestId = await earlierRequest(deps, thread)
    if (requestId !== undefined) return await presentCard(deps, caller, requestId, click)
    if (wasAskedAlready(error)) return { message: 'This form was sent already.' }
    return await renderFormAgain(deps, caller, form.data, error)
  }
}

function threadOf({ conversation }: Interaction, { reference }: Click): Thread {
  return reference === undefined
    ? { conversation }
    : { conversation, reference, said: nameSaid(conversation, reference) }
}

async function ask(deps: AskDeps, caller: Caller, form: FormData, thread: Thread): Promise<string> {
  const { id } = await requestAccess(deps, caller, { ...readForm(form), thread })
  return id
}

/** The id of the request that was made from this form, if there is one. */
async function earlierRequest({ record }: PresentDeps, { said }: Thread): Promise<string | undefined> {
  const [requestId] = said === undefined ? [] : await record.list(SAID, said, { limit: 1 })
  return requestId
}

/** Answers a refusal with the form as it was filled in, and a sentence that says what to change. */
async function renderFormAgain(deps: FormDeps, caller: Caller, form: FormData, error: unknown): Promise<ClickAnswer> {
  // UNAVAILABLE: a new form could not be filled. TOO_MANY: a new form would be one more. The form on the screen can be
  // sent again.
  if (!(error instanceof LatchkeyError) || error.code === 'UNAVAILABLE' || error.code === 'TOO_MANY') throw error
  try {
    return { card: (await formFor(deps, caller, { given: givenOf(form), problem: error.message })).card }
  } catch (another) {
    // The first refusal is what the person has to know.
    if (isLatchkeyError(another, 'TOO_MANY')) throw error
    throw another
  }
}

function readForm({ scope, below, levels, duration, reason, ticket }: FormData): AskInput {
  if (!scope) throw badInput('Choose a scope.')
  // No form offers `bucket-policy`. A form that sends it is refused, instead of being answered with fewer levels.
  if (levels?.split(',').includes('bucket-policy')) throw badInput(NO_BUCKET_POLICY)
  return toAsk({
    scopes: [narrowScope(scope, below)],
    levels: levelsOf(levels),
    reason: reason ?? '',
    ...(duration ? { duration } : {}),
    ...(ticket ? { ticket } : {}),
  })
}

/**
 * Narrows the chosen scope by the text that was typed below it. `parseScope` later refuses `..` and doubled slashes.
 */
function narrowScope(scope: string, below: string | undefined): string {
  if (!below) return scope
  if (below.startsWith(scope)) return below
  if (!scope.endsWith('/'))
    throw badInput(`${scope} is one object: there is nothing below it. Leave the narrower part empty.`)
  return `${scope}${below}`
}

/** Parses the comma-separated value of a multiple choice (`Input.ChoiceSet`). */
function levelsOf(levels = '') {
  const chosen = levels.split(',').map((level) => level.trim())
  return sortLevels(ASKABLE_LEVELS.filter((level) => chosen.includes(level)))
}

function givenOf({ for: _, levels, ...typed }: FormData): Given {
  const given = Object.entries(typed).filter(([, value]) => value !== undefined)
  return { ...Object.fromEntries(given), levels: levelsOf(levels) }
}

function badInput(problem: string): LatchkeyError {
  return new LatchkeyError('BAD_INPUT', { problem })
}
