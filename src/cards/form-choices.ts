import { formatDuration } from '../rules/duration.ts'
import { ASKABLE_LEVELS, type Level } from '../rules/levels.ts'
import { cutMiddle } from '../views/safe-text.ts'
import { durationWords, levelTitle } from '../views/words.ts'

/** The choices of the request form. They hold only what this person may ask for. */

/** What one entitlement lets a person ask for. */
export interface Offer {
  readonly name: string
  readonly scopes: readonly string[]
  readonly levels: readonly Level[]
  readonly defaultMinutes: number
  readonly longestMinutes: number
}

export interface Choice {
  readonly title: string
  readonly value: string
}

const LONGEST_TITLE = 150
/**
 * Characters of all scope choices together, as JSON: more do not fit on a card. Other scopes can be asked for with a
 * one-line message.
 */
const LONGEST_SCOPES = 7_000
const USUAL_MINUTES = [15, 30, 60, 120, 240, 480, 720, 1440, 2880, 5760, 10_080]
const MOST_DURATIONS = 30

/**
 * One choice for each scope, as far as they fit. Its title lists the levels and the longest duration of every
 * entitlement with that scope, and is cut if it is too long.
 */
export function scopeChoices(offers: readonly Offer[]): readonly Choice[] {
  const scopes = [...new Set(offers.flatMap(({ scopes }) => scopes))]
  let length = 0
  return scopes.flatMap((scope) => {
    const of = offers.filter(({ scopes }) => scopes.includes(scope))
    const what = [
      ...new Set(
        of.map(({ levels, longestMinutes }) => `${levels.join(', ')} up to ${formatDuration(longestMinutes)}`),
      ),
    ]
    const title = cutMiddle(`${scope} (${what.join('; ')})`, LONGEST_TITLE)
    const choice = { title, value: scope }
    length += JSON.stringify(choice).length
    return length > LONGEST_SCOPES ? [] : [choice]
  })
}

export function levelChoices(offers: readonly Offer[]): readonly Choice[] {
  return ASKABLE_LEVELS.filter((level) => offers.some(({ levels }) => levels.includes(level))).map((level) => ({
    title: levelTitle(level),
    value: level,
  }))
}

export function durationChoices(offers: readonly Offer[]): readonly Choice[] {
  const longest = Math.max(0, ...offers.map(({ longestMinutes }) => longestMinutes))
  const own = offers.flatMap(({ defaultMinutes, longestMinutes }) => [defaultMinutes, longestMinutes])
  const minutes = [...new Set([...own, ...USUAL_MINUTES])].filter((one) => one <= longest).sort((a, b) => a - b)
  return minutes.slice(0, MOST_DURATIONS).map((one) => ({ title: durationWords(one), value: formatDuration(one) }))
}
