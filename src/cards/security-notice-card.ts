import type { RenderedCard } from '../messages/message-sender.ts'
import type { SecurityNotice } from '../messages/security-notice.ts'
import { clip, cutMiddle, plain, type TextRun, textRuns } from '../views/safe-text.ts'
import type { Headline } from './headline.ts'
import { LONGEST_NAME } from './lead-sentence.ts'
import { compileTemplate } from './template.ts'

const fill = compileTemplate('notice')

const LONGEST_ARN = 200

/** The content of a security notice. The names are those of the template. */
interface NoticeContent {
  readonly headline: Headline
  /** Below the headline: what was found, and by whom. */
  readonly found: readonly TextRun[]
  /** Trusted text, so it may be in a TextBlock. */
  readonly parts: readonly { readonly title: string; readonly text: string }[]
}

/** The card for the security channel: what happened, what Latchkey does, and what people must do. */
export function renderNotice(notice: SecurityNotice): RenderedCard {
  const words = wordsOf(notice)
  const { title, note } = words.headline
  return { card: fill(words), summary: `${title}. ${note}` }
}

function wordsOf(notice: SecurityNotice): NoticeContent {
  switch (notice.kind) {
    case 'epoch-renewed':
      return renewedWords(notice)
    case 'record-replaced':
      return replacedWords(notice)
    case 'deny-changed':
      return changedWords(notice)
  }
}

function renewedWords({ at, by }: SecurityNotice & { readonly kind: 'epoch-renewed' }): NoticeContent {
  return {
    headline: { title: 'latchkey recover was run', note: `At ${utc(at)}.`, style: 'warning' },
    found: [
      ...textRuns(clip(plain(by), LONGEST_NAME), { weight: 'Bolder' }),
      ...textRuns(', signed in on a server of Latchkey, told it that Redis was put back from a copy.'),
    ],
    parts: [
      { title: 'What Latchkey does', text: everywhere(at) },
      PEOPLE,
      {
        title: 'If nobody restored Redis',
        text: 'Then somebody runs commands on that server who should not, or Redis was emptied or replaced. Ask whoever is named above, look at the audit log, and at who can reach the server and Redis.',
      },
    ],
  }
}

function replacedWords({ at, role }: SecurityNotice & { readonly kind: 'record-replaced' }): NoticeContent {
  return {
    headline: { title: 'Redis is not the one that AWS knows', note: foundAt(at), style: 'attention' },
    found: [
      ...textRuns('It was emptied, replaced, or put back from an older copy: the Deny document of '),
      ...arn(role),
      ...textRuns(' carries another epoch.'),
    ],
    parts: [
      { title: 'What Latchkey does', text: everywhere(at) },
      PEOPLE,
      {
        title: 'If nobody restored Redis',
        text: 'Then somebody emptied or replaced it, and may have wanted early ends to be forgotten. Look at the audit log and the log of the workers, and at who can reach Redis.',
      },
    ],
  }
}

function changedWords({ at, role, isFirst }: SecurityNotice & { readonly kind: 'deny-changed' }): NoticeContent {
  const attached = isFirst
    ? ' What is attached to people’s own roles and users in its account is taken away, and those grants end.'
    : ''
  return {
    headline: { title: 'A Deny document was changed in AWS', note: foundAt(at), style: 'attention' },
    found: [
      ...textRuns('The inline policy latchkey.deny of '),
      ...arn(role),
      ...textRuns(' was not as Latchkey had left it. Redis is the one that AWS knows.'),
    ],
    parts: [
      {
        title: 'What Latchkey does',
        text: `It writes the document anew. Every session of that role that was issued before ${utc(at)} is refused, and every denied id that can still be read in it stays denied.${attached}`,
      },
      PEOPLE,
      {
        title: 'If nobody of you changed it',
        text: 'Then somebody who may write policies in that account did. Look for PutRolePolicy on that role in CloudTrail, and take that right away from whoever used it.',
      },
    ],
  }
}

const PEOPLE = {
  title: 'What people notice',
  text: 'Whoever has a live grant gets new credentials by themselves. Whose grant ended, or is not in the record any more, asks again.',
}

function everywhere(at: string): string {
  return `In every account each session that was issued before ${utc(at)} is refused, what was attached to people’s own roles and users is taken away, and what was denied stays denied. Until then nothing is granted or vended there.`
}

function foundAt(at: string): string {
  return `Found by Latchkey at ${utc(at)}.`
}

/** The card shows times in UTC, because readers compare them with AWS, CloudTrail and the audit log. */
function utc(at: string): string {
  return `${at.slice(0, 10)} ${at.slice(11, 19)} UTC`
}

function arn(role: string): readonly TextRun[] {
  return textRuns(cutMiddle(role, LONGEST_ARN), { fontType: 'Monospace' })
}
