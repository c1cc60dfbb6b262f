import type { RenderedCard } from '../messages/message-sender.ts'
import { formatDuration } from '../rules/duration.ts'
import type { Level } from '../rules/levels.ts'
import { clip, textRuns } from '../views/safe-text.ts'
import { type Choice, durationChoices, levelChoices, type Offer, scopeChoices } from './form-choices.ts'
import { compileTemplate } from './template.ts'

/** The request form for one person. */
export interface AskForm {
  readonly requesterId: string
  /** What the rules let this person ask for at the moment. */
  readonly entitlements: readonly Offer[]
  /** Values to fill in, for example those of a refused try. */
  readonly given?: Given
  /** A sentence: why the last try was refused. */
  readonly problem?: string
}

export interface Given {
  readonly scope?: string
  readonly below?: string
  readonly levels?: readonly Level[]
  readonly duration?: string
  readonly reason?: string
  readonly ticket?: string
}

/**
 * Longest texts, in characters. `reason` and `ticket` have the limits of `ask-input.ts`. `below` is the rest of the key
 * under the chosen scope; S3 allows 1,024 bytes. A longer `problem` is cut.
 */
const LONGEST = { below: 1024, reason: 1000, ticket: 100, problem: 600 } as const

const fill = compileTemplate('form')

export function renderForm({ requesterId, entitlements, given = {}, problem }: AskForm): RenderedCard {
  const scopes = scopeChoices(entitlements)
  const card = fill({
    requesterId,
    // An empty list leaves the form out: clients refuse a form whose choices are empty.
    form:
      scopes.length === 0 ? [] : [{ scopes, ...otherInputs(entitlements), ...filledIn(entitlements, scopes, given) }],
    isEmpty: scopes.length === 0,
    isCut: new Set(entitlements.flatMap((one) => one.scopes)).size > scopes.length,
    problem: problem === undefined ? [] : [{ runs: textRuns(clip(problem, LONGEST.problem)) }],
    longest: LONGEST,
  })
  return { card, summary: problem === undefined ? 'Ask for access to S3' : 'Your request was not sent' }
}

function otherInputs(offers: readonly Offer[]): {
  readonly levels: readonly Choice[]
  readonly durations: readonly Choice[]
} {
  return { levels: levelChoices(offers), durations: durationChoices(offers) }
}

function filledIn(offers: readonly Offer[], scopes: readonly Choice[], given: Given): object {
  const selected = selectScope(scopes, given)
  const chosen = offers.find(({ scopes }) => scopes.includes(selected.scope))
  // No level is preselected unless there is only one: the person must choose what they ask for.
  const offered = levelChoices(offers).map(({ value }) => value)
  const levels = given.levels ?? (offered.length === 1 ? offered : [])
  const durations = durationChoices(offers).map(({ value }) => value)
  const usual = chosen ? formatDuration(chosen.defaultMinutes) : (durations[0] ?? '')
  return {
    scope: selected.scope,
    below: clip(selected.below, LONGEST.below),
    levelsChosen: levels.join(','),
    duration: given.duration !== undefined && durations.includes(given.duration) ? given.duration : usual,
    reason: clip(given.reason ?? '', LONGEST.reason),
    ticket: clip(given.ticket ?? '', LONGEST.ticket),
  }
}

/** Splits a scope that lies below one of the choices into the nearest choice and the rest of the key. */
function selectScope(
  scopes: readonly Choice[],
  { scope, below = '' }: Given,
): { readonly scope: string; readonly below: string } {
  const values = scopes.map(({ value }) => value)
  const [first = ''] = values
  if (scope === undefined) return { scope: first, below }
  if (values.includes(scope)) return { scope, below }
  const around = values.filter((value) => value.endsWith('/') && scope.startsWith(value))
  const [nearest] = around.sort((a, b) => b.length - a.length)
  return nearest === undefined
    ? { scope: first, below }
    : { scope: nearest, below: scope.slice(nearest.length) + below }
}
