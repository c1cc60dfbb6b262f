import type { RequestView } from './request-view.ts'
import { clip, cutMiddle, plain } from './safe-text.ts'
import { amount, durationWords, inWords } from './words.ts'

/** What mail and page say, where no card client fills in the time. */

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
  const part = Object.fromEntries(TIME.formatToParts(new Date(iso)).map(({ type, value }) => [type, value]))
  return `${part.weekday} ${part.day} ${part.month} ${part.year}, ${part.hour}:${part.minute} UTC`
}

/** A sentence of an error, for people: its times as they read them. */
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
