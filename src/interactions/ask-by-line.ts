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

const MOST_OWNERS = 5

/**
 * Says nothing on success: the card of the request follows in the same thread, and it is the one that lives. Nor when the line was
 * delivered before and asked then.
 */
export async function askByLine(deps: AskDeps, interaction: Interaction, message: ChatMessage, line: RequestLine) {
  const thread = threadOf(interaction, message)
  await orAskedAlready(requestAccess(deps, interaction.caller, { ...toAsk(line), thread }))
}

function threadOf({ conversation }: Interaction, { id }: ChatMessage): Thread {
  return { conversation, ...(id === undefined ? {} : { said: nameSaid(conversation, id) }) }
}

async function orAskedAlready(asking: Promise<unknown>): Promise<void> {
  try {
    await asking
  } catch (error) {
    if (!wasAskedAlready(error)) throw error
  }
}

/** The same for a grant that is to go on; without its id the only live one is meant. */
export async function extendByLine(
  deps: AskDeps & PresentDeps,
  interaction: Interaction,
  message: ChatMessage,
  { grantId, ...line }: ExtendLine,
) {
  const { scopes: _, levels: __, ...input } = toAsk({ ...line, scopes: [], levels: ['read'] })
  const id = grantId ?? (await onlyGrant(deps, interaction.caller, 'extend'))
  const thread = threadOf(interaction, message)
  await orAskedAlready(extendGrant(deps, interaction.caller, id, { ...input, thread }))
}

export interface FormDeps extends AskDeps {
  /** Of this process. */
  readonly countForm: CountForm
}

type Tried = Pick<AskForm, 'given' | 'problem'>

/** @throws NOT_ELIGIBLE to somebody who may ask for nothing, and TOO_MANY before the directory is asked */
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

/** Owners, without the buckets: which there are is not for everybody. */
function nothingFor(reason: string, { buckets }: Rules): LatchkeyError {
  const owners = [...new Set([...buckets.values()].flatMap((bucket) => bucket.owners.map(formatApprover)))]
  const named = owners.length > 0 ? ` Owners are ${owners.slice(0, MOST_OWNERS).join(', ')}.` : ''
  return new LatchkeyError('NOT_ELIGIBLE', {
    reason: `${reason} There is nothing that you may ask for.${named}`,
    mayAsk: [],
  })
}
