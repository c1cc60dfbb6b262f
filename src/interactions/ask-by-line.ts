import { toAsk } from '../access-requests/ask-input.ts'
import { extendGrant } from '../access-requests/extend-grant.ts'
import { type AskDeps, requestAccess } from '../access-requests/request-access.ts'
import { refuseSpentLimits } from '../access-requests/request-limits.ts'
import type { Thread } from '../access-requests/request-messages.ts'
import { type AskForm, renderForm } from '../cards/request-form.ts'
import { LatchkeyError } from '../errors.ts'
import type { RenderedCard } from '../messages/message-sender.ts'
import type { Caller } from '../rules/caller.ts'
import { entitlementsFor, groupIdsOf } from '../rules/eligibility.ts'
import { type Entitlement, formatApprover } from '../rules/entitlement.ts'
import type { Rules } from '../rules/rules.ts'
import { formatScope } from '../rules/scope.ts'
import { nameSaid, wasAskedAlready } from './asked-once.ts'
import type { CountForm } from './form-limit.ts'
import type { ChatMessage, Interaction } from './interaction.ts'
import { onlyGrant } from './my-access.ts'
import type { ExtendLine, RequestLine } from './parse-request-line.ts'
import type { PresentDeps } from './present-card.ts'

const MAX_OWNERS = 5

/**
 * Makes a request from a line. Does not reply on success: the card of the request follows in the same thread. Does not
 * reply either if the same line was delivered before and has made a request.
 */
export async function askByLine(deps: AskDeps, interaction: Interaction, message: ChatMessage, line: RequestLine) {
  const thread = threadOf(interaction, message)
  await ignoreAskedAlready(requestAccess(deps, interaction.caller, { ...toAsk(line), thread }))
}

function threadOf({ conversation }: Interaction, { id }: ChatMessage): Thread {
  return { conversation, ...(id === undefined ? {} : { said: nameSaid(conversation, id) }) }
}

async function ignoreAskedAlready(asking: Promise<unknown>): Promise<void> {
  try {
    await asking
  } catch (error) {
    if (!wasAskedAlready(error)) throw error
  }
}

/** Makes a request for an extension from a line. Without an id, the caller's only live grant is meant. */
export async function extendByLine(
  deps: AskDeps & PresentDeps,
  interaction: Interaction,
  message: ChatMessage,
  { grantId, ...line }: ExtendLine,
) {
  const { scopes: _, levels: __, ...input } = toAsk({ ...line, scopes: [], levels: ['read'] })
  const id = grantId ?? (await onlyGrant(deps, interaction.caller, 'extend'))
  const thread = threadOf(interaction, message)
  await ignoreAskedAlready(extendGrant(deps, interaction.caller, id, { ...input, thread }))
}

export interface FormDeps extends AskDeps {
  /** Counts the forms that this process shows. */
  readonly countForm: CountForm
}

type Tried = Pick<AskForm, 'given' | 'problem'>

/** @throws NOT_ELIGIBLE if the caller may ask for nothing, and TOO_MANY before the directory is asked */
export async function formFor(deps: FormDeps, caller: Caller, tried: Tried = {}): Promise<RenderedCard> {
  return await deps.amongFew(caller, async () => {
    await refuseSpentLimits(deps.record, caller)
    deps.countForm(caller)
    return await makeForm(deps, caller, tried)
  })
}

async function makeForm({ rules, directory }: AskDeps, caller: Caller, tried: Tried): Promise<RenderedCard> {
  const person = await directory.person(caller.objectId)
  if (!person || person.tenantId !== caller.tenantId) throw nothingFor('You are not in the directory.', rules)
  const groups = await directory.groupsOf(caller.objectId, groupIdsOf(rules))
  const offered = entitlementsFor(rules, { person, groups })
  if (!offered.some) throw nothingFor(offered.reason, rules)
  return renderForm({ requesterId: caller.objectId, entitlements: offered.entitlements.map(toOffer), ...tried })
}

function toOffer({
  name,
  scopes,
  levels,
  defaultMinutes,
  longestMinutes,
}: Entitlement): AskForm['entitlements'][number] {
  return { name, scopes: scopes.map(formatScope), levels, defaultMinutes, longestMinutes }
}

/** The refusal names owners but no buckets: not everybody may know which buckets there are. */
function nothingFor(reason: string, { buckets }: Rules): LatchkeyError {
  const owners = [...new Set([...buckets.values()].flatMap((bucket) => bucket.owners.map(formatApprover)))]
  const named = owners.length > 0 ? ` Owners are ${owners.slice(0, MAX_OWNERS).join(', ')}.` : ''
  return new LatchkeyError('NOT_ELIGIBLE', {
    reason: `${reason} There is nothing that you may ask for.${named}`,
    mayAsk: [],
  })
}
