import type { GrantAnswer } from '../../http/api-schemas.ts'
import { formatDuration } from '../../rules/duration.ts'
import { withTimes } from '../../views/request-sentence.ts'
import type { RequestView } from '../../views/request-view.ts'
import { plain } from '../plain.ts'

/** Requests and grants as lines for a terminal. */

export const HOW_TO_ASK = 'Ask with `latchkey request`; `latchkey help request` shows how.'

const OVER: readonly GrantAnswer['status'][] = ['revoking', 'expired', 'revoked']

export function isOver({ status }: GrantAnswer): boolean {
  return OVER.includes(status)
}

type Previewed = Pick<RequestView, 'preview'> & Partial<Pick<RequestView, 'warnings'>>

function describe({ levels, scopes, durationMinutes }: RequestView | GrantAnswer): string {
  return `${levels.join('+')} ${scopes.map(plain).join(' ')} for ${formatDuration(durationMinutes)}`
}

export function requestLine(request: RequestView): string {
  const grant = request.grantId === null ? '' : `  ${request.grantId}`
  const extending = request.extends === null ? '' : `, extends ${plain(request.extends)}`
  const ticket = request.ticket === '' ? '' : ` (${plain(request.ticket)})`
  const why = `${plain(request.reason)}${ticket}${describeDecision(request)}`
  return `${request.id}  ${request.status}${grant}  ${plain(request.requester)}: ${describe(request)}${extending}, because ${why}`
}

/** What the access allows and what not, as on the approver's card. */
export function previewLines({ preview, warnings = [] }: Previewed): readonly string[] {
  const { sentence, can, cannot, only } = preview
  const rows = [
    ['Can', can.join(', ')],
    ['Only', only.join(', ')],
    ['Cannot', cannot.join(', ')],
    ['Careful', warnings.join(' ')],
  ] as const
  return [
    withTimes(sentence),
    ...rows.flatMap(([title, text]) => (text === '' ? [] : [`  ${title.padEnd(8)} ${text}`])),
  ].map(plain)
}

function describeDecision({ decision }: RequestView): string {
  if (decision === null) return ''
  return `; decided by ${plain(decision.by)}${decision.comment === '' ? '' : `: ${plain(decision.comment)}`}`
}

export function grantLine(grant: GrantAnswer): string {
  return `${grant.id}  ${grant.status}  ${describe(grant)}${describeEnd(grant)}${describeWrites(grant)}`
}

function describeEnd(grant: GrantAnswer): string {
  if (grant.endedAt !== null) return `, ended ${grant.endedAt}`
  return grant.endsAt === null || isOver(grant) ? '' : `, until ${grant.endsAt}`
}

/** The writes that CloudTrail has reported so far. */
function describeWrites({ writes: { counts, bytes, last } }: GrantAnswer): string {
  const counted = Object.entries(counts).flatMap(([kind, count]) => (count > 0 ? [`${count} ${kind}`] : []))
  if (counted.length === 0) return ''
  const newest = last.find(({ kind }) => kind !== 'denied')
  return `; ${counted.join(', ')}, ${bytes} byte${bytes === 1 ? '' : 's'}${newest === undefined ? '' : `, last ${newest.kind} ${plain(newest.uri)}`}`
}
