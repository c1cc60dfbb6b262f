import type { RequestView } from './request-view.ts'
import { clip, plain } from './text.ts'
import { durationWords, inWords } from './words.ts'

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

/** @example timeWords('2026-11-22T09:15:30.000Z') // "Sun 22 November 2026, 09:15 UTC" */
export function timeWords(iso: string): string {
  const part = Object.fromEntries(TIME.formatToParts(new Date(iso)).map(({ type, value }) => [type, value]))
  return `${part.weekday} ${part.day} ${part.month} ${part.year}, ${part.hour}:${part.minute} UTC`
}

/** @example askSentence(request) // "Rita Reyes asks to read and write in s3://finance-reports/2026/ for 45 minutes." */
export function askSentence({ requester, levels, scopes, durationMinutes }: RequestView): string {
  const name = clip(plain(requester), LONGEST_NAME)
  return `${name} asks to ${inWords(levels)} in ${inWords(scopes.map(plain))} for ${durationWords(durationMinutes)}.`
}
