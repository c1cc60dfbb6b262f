import type { DisplayStatus, ReaderRole } from '../views/display-status.ts'
import type { RequestAndGrant } from '../views/read-view.ts'
import { clip, cutMiddle, plain, type TextRun, textRuns } from '../views/safe-text.ts'
import { amount, durationWords, inWords } from '../views/words.ts'

/** The sentence that says who asks for which levels, in which scope, for how long. */
export interface Lead {
  readonly runs: readonly TextRun[]
  /** Several scopes are listed below the sentence. Empty: the only scope is in the sentence. */
  readonly scopes: readonly { readonly runs: readonly TextRun[] }[]
  /** A scope was shortened, because it is longer than a card can show. */
  readonly isCut: boolean
}

export const LONGEST_NAME = 80
/** Characters of all scopes together: more would leave no room for reason and comment. */
const LONGEST_SCOPES = 1_200

export function leadOf({ request, grant }: RequestAndGrant, status: DisplayStatus, role: ReaderRole): Lead {
  const { scopes, levels, durationMinutes } = grant ?? request
  const longest = Math.floor(LONGEST_SCOPES / scopes.length)
  const isCut = scopes.some((scope) => scope.length > longest)
  const [only, ...others] = scopes.map((scope) => textRuns(cutMiddle(scope, longest), { fontType: 'Monospace' }))
  const isOne = others.length === 0
  return {
    runs: [
      ...nameOf(request.requester, role),
      ...textRuns(` ${verbOf(request, status)[role === 'requester' ? 0 : 1]} `),
      ...textRuns(inWords(levels), { weight: 'Bolder' }),
      ...textRuns(' in '),
      ...(isOne && only ? only : textRuns(amount(scopes.length, 'scope'))),
      ...textRuns(HAD === VERBS[status] ? ' for up to ' : ' for '),
      ...textRuns(durationWords(durationMinutes), { weight: 'Bolder' }),
    ],
    scopes: isOne || !only ? [] : [only, ...others].map((runs) => ({ runs })),
    isCut,
  }
}

type Verb = readonly [ofYou: string, ofOthers: string]

const ASKED: Verb = ['asked to', 'asked to']
const HAD: Verb = ['had access to', 'had access to']
const VERBS: Readonly<Record<DisplayStatus, Verb>> = {
  pending: ['ask to', 'asks to'],
  approved: ASKED,
  activating: ASKED,
  active: ['may', 'may'],
  revoking: HAD,
  failing: ASKED,
  failed: ASKED,
  expired: HAD,
  revoked: HAD,
  denied: ASKED,
  cancelled: ASKED,
  lapsed: ASKED,
}

/**
 * @returns the verb after "You" and the verb after a name
 * @example ["ask to keep the right to", "asks to keep the right to"]
 */
function verbOf(request: RequestAndGrant['request'], status: DisplayStatus): Verb {
  const [ofYou, ofOthers] = VERBS[status]
  return request.extends === null ? [ofYou, ofOthers] : [`${ofYou} keep the right to`, `${ofOthers} keep the right to`]
}

function nameOf(requester: string, role: ReaderRole): readonly TextRun[] {
  return textRuns(role === 'requester' ? 'You' : clip(plain(requester), LONGEST_NAME), { weight: 'Bolder' })
}
