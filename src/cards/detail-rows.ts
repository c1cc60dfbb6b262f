import type { DisplayStatus, ReaderRole } from '../views/display-status.ts'
import type { GrantView } from '../views/grant-view.ts'
import type { Preview } from '../views/preview.ts'
import type { RequestAndGrant } from '../views/read-view.ts'
import type { RequestView } from '../views/request-view.ts'
import { clip, plain, type TextRun, textRuns } from '../views/safe-text.ts'
import { durationWords, moment } from '../views/words.ts'
import { LONGEST_NAME } from './lead-sentence.ts'

/** A title with an untrusted text, a time, or both below each other. The names are those of the template. */
export interface Row {
  readonly title: string
  readonly said: readonly TextRun[]
  /**
   * A time, perhaps with fixed words. It contains no text from outside, so it may be in a TextBlock. Empty: no time.
   */
  readonly when: string
}

const MOST_ASKED_SHOWN = 3

export function rowsOf({ request, grant }: RequestAndGrant, status: DisplayStatus, role: ReaderRole): readonly Row[] {
  const isWaiting = status === 'pending'
  return [
    // These rows come first, because the reader of an old card wants to know how the access ended.
    ...(grant ? grantRows(grant, status) : []),
    row('Reason', request.reason),
    ...(request.ticket === '' ? [] : [row('Ticket', request.ticket)]),
    ...(isWaiting ? waitingRows(request, role) : decisionRows(request)),
  ]
}

function waitingRows(
  { preview, warnings, entitlement, asked, askedAt }: RequestView,
  role: ReaderRole,
): readonly Row[] {
  const warned = warnings.length === 0 ? [] : [row('Careful', warnings.join(' '))]
  if (role !== 'approver') return [...warned, row('Asked', askedNames(asked), moment(askedAt))]
  return [...previewRows(preview), ...warned, row('Entitlement', entitlement), when('Asked', moment(askedAt))]
}

function previewRows({ can, cannot, only }: Preview): readonly Row[] {
  return [
    row('Can', can.join(', ')),
    ...(only.length === 0 ? [] : [row('Only', only.join(', '))]),
    row('Cannot', cannot.join(', ')),
  ]
}

function askedNames(asked: readonly string[]): string {
  const first = asked.slice(0, MOST_ASKED_SHOWN).map((name) => clip(plain(name), LONGEST_NAME))
  const others = asked.length - first.length
  return [...first, ...(others > 0 ? [`${others} more`] : [])].join(', ')
}

function decisionRows({ status, decision, closedAt }: RequestView): readonly Row[] {
  if (!decision) return closedAt === null ? [] : [when(status === 'lapsed' ? 'Lapsed' : 'Cancelled', moment(closedAt))]
  const by = `${clip(plain(decision.by), LONGEST_NAME)}, as ${clip(plain(decision.as), LONGEST_NAME)}`
  const comment = decision.comment === '' ? [] : [row('Comment', decision.comment)]
  return [row(status === 'denied' ? 'Denied' : 'Approved', by, moment(decision.at)), ...comment]
}

function grantRows(grant: GrantView, status: DisplayStatus): readonly Row[] {
  const { activatedAt, endedAt, endsAt } = grant
  const cause =
    grant.endCause === null
      ? []
      : [row(status === 'revoked' || status === 'revoking' ? 'Ended by' : 'Cause', causeOf(grant))]
  const credentials = credentialRows(grant)
  if (activatedAt === null || endedAt === null) return [...cause, ...credentials]
  // AWS enforced `endsAt`, the time in the IAM document. Workers write `endedAt` a moment later.
  const end = status === 'expired' && endsAt !== null ? endsAt : endedAt
  const minutes = Math.round((Date.parse(end) - Date.parse(activatedAt)) / 60_000)
  const lasted = `${durationWords(minutes)} of ${durationWords(grant.durationMinutes)}`
  return [...cause, when('Ended', moment(end)), row('Lasted', lasted), ...credentials]
}

const LONGEST_ADDRESS = 45

/**
 * The addresses that credentials were sent to. A second address may be the requester's phone or train, or a thief, so
 * the row warns of it.
 */
function credentialRows({ takenFrom: [first, ...others] }: GrantView): readonly Row[] {
  const last = others.at(-1)
  if (!first) return []
  const from = row('Credentials', `Taken from ${clip(first.address, LONGEST_ADDRESS)}`, `First ${moment(first.at)}`)
  if (!last) return [from]
  const more = others.length > 1 ? `, and ${others.length - 1} more` : ''
  const warning = textRuns(`Also taken from ${clip(last.address, LONGEST_ADDRESS)}${more}`, {
    weight: 'Bolder',
    color: 'Attention',
  })
  const advice = `First ${moment(last.at)}. If that was somebody else, end the access.`
  return [from, { title: 'Look here', said: warning, when: advice }]
}

function causeOf({ endCause, requester, approver }: GrantView): string {
  const requesterName = clip(plain(requester), LONGEST_NAME)
  const causes: ReadonlyMap<string, string> = new Map([
    ['done', `${requesterName}, who was done`],
    ['ended-by-approver', `${clip(plain(approver), LONGEST_NAME)}, who had approved it`],
    ['ended-by-owner', 'An owner of Latchkey'],
    ['no-longer-eligible', `Latchkey: the rules or the directory no longer let ${requesterName} have this`],
    ['approval-void', 'The approval was too old when AWS could be reached'],
    ['activation-failed', 'AWS refused to set it up; should that happen again, tell the owner of the bucket'],
    ['yes-does-not-add-up', 'Latchkey: the recorded approval does not add up; the alarm was raised'],
    ['ended-before', 'Latchkey: it had already ended before'],
    ['changed-in-aws', 'Latchkey: somebody changed or took away its policy in AWS'],
    ['holder-changed', 'Latchkey: the role or user that held it is not what it was'],
  ])
  return causes.get(endCause ?? '') ?? `Latchkey (${clip(plain(endCause ?? ''), LONGEST_NAME)})`
}

function row(title: string, text: string, at = ''): Row {
  return { title, said: textRuns(text), when: at }
}

function when(title: string, at: string): Row {
  return { title, said: [], when: at }
}
