import type { RequestView } from './request-view.ts'
import { clip, cutMiddle, plain } from './safe-text.ts'
import { amount, durationWords, inWords } from './words.ts'

/**
 * Sentences for mails and pages. Cards do not use them: on a card the client writes times in the reader's time zone.
 */

const TIME = new Intl.DateTimeFormat('en-GB', {
  weekday: 'short',
  day: 'numeric',
  month: 'long',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  timeZone: 'UTC',
})

const LONGEST_NAME = 80
const LONGEST_SCOPE = 80
const ISO_TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g

/** @example timeWords('2026-11-22T09:15:30.000Z') // "Sun 22 November 2026, 09:15 UTC" */
export function timeWords(iso: string): string {
  const field = Object.fromEntries(TIME.formatToParts(new Date(iso)).map(({ type, value }) => [type, value]))
  return `${field.weekday} ${field.day} ${field.month} ${field.year}, ${field.hour}:${field.minute} UTC`
}

/** Rewrites the ISO 8601 times in the sentence of an error as `timeWords` does. */
export function withTimes(sentence: string): string {
  return sentence.replace(ISO_TIME, timeWords)
}

/** @example whatIsAsked(request) // "Rita Reyes asks to read and write in s3://finance-reports/2026/" */
export function whatIsAsked(request: RequestView): string {
  const {
    requester,
    levels,
    scopes: [first = '', ...more],
  } = request
  const name = clip(plain(requester), LONGEST_NAME)
  const scopes = [cutMiddle(first, LONGEST_SCOPE), ...(more.length === 0 ? [] : [amount(more.length, 'more scope')])]
  const verb = request.extends === null ? 'asks to' : 'asks to keep the right to'
  return `${name} ${verb} ${inWords(levels)} in ${inWords(scopes)}`
}

/** @example askSentence(request) // "Rita Reyes asks to read and write in s3://finance-reports/2026/ for 45 minutes." */
export function askSentence(request: RequestView): string {
  return `${whatIsAsked(request)} for ${durationWords(request.durationMinutes)}.`
}
