import type { Part, Stage } from '../views/display-status.ts'
import type { Shown } from '../views/read-view.ts'
import { clip, cutMiddle, plain, type Run, said } from '../views/safe-text.ts'
import { amount, durationWords, inWords } from '../views/words.ts'

/** One sentence: who, what, where, how long. */
export interface Lead {
  readonly runs: readonly Run[]
  /** Below the sentence, where there are several. */
  readonly scopes: readonly { readonly runs: readonly Run[] }[]
  /** A scope is longer than a card can show. */
  readonly isCut: boolean
}

export const LONGEST_NAME = 80
/** Of all scopes together: more would leave no room for what people wrote. */
const LONGEST_SCOPES = 1_200

export function leadOf({ request, grant }: Shown, stage: Stage, part: Part): Lead {
  const { scopes, levels, durationMinutes } = grant ?? request
  const longest = Math.floor(LONGEST_SCOPES / scopes.length)
  const isCut = scopes.some((scope) => scope.length > longest)
  const [only, ...others] = scopes.map((scope) => said(cutMiddle(scope, longest), { fontType: 'Monospace' }))
  const isOne = others.length === 0
  return {
    runs: [
      ...nameOf(request.requester, part),
      ...said(` ${verbOf(request, stage)[part === 'requester' ? 0 : 1]} `),
      ...said(inWords(levels), { weight: 'Bolder' }),
      ...said(' in '),
      ...(isOne && only ? only : said(amount(scopes.length, 'scope'))),
      ...said(HAD === VERBS[stage] ? ' for up to ' : ' for '),
      ...said(durationWords(durationMinutes), { weight: 'Bolder' }),
    ],
    scopes: isOne || !only ? [] : [only, ...others].map((runs) => ({ runs })),
    isCut,
  }
}

type Verb = readonly [ofYou: string, ofOthers: string]

const ASKED: Verb = ['asked to', 'asked to']
const HAD: Verb = ['had access to', 'had access to']
const VERBS: Readonly<Record<Stage, Verb>> = {
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

/** @example "asks to keep the right to write in s3://… for 2 hours" */
function verbOf(request: Shown['request'], stage: Stage): Verb {
  const [ofYou, ofOthers] = VERBS[stage]
  return request.extends === null ? [ofYou, ofOthers] : [`${ofYou} keep the right to`, `${ofOthers} keep the right to`]
}

function nameOf(requester: string, part: Part): readonly Run[] {
  return said(part === 'requester' ? 'You' : clip(plain(requester), LONGEST_NAME), { weight: 'Bolder' })
}
