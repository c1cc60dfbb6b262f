import { LatchkeyError } from '../errors.ts'

const UNITS = { m: 1, h: 60, d: 1440 } as const

/** @example parseDuration('8h') // 480 minutes */
export function parseDuration(text: string): number {
  const [, count, unit] = /^([1-9][0-9]{0,4})([mhd])$/.exec(text) ?? []
  if (count === undefined || !isUnit(unit))
    throw new LatchkeyError('BAD_INPUT', { problem: 'A duration is one whole number and a unit: 45m, 8h or 2d.' })
  return Number(count) * UNITS[unit]
}

/** The largest unit that says it exactly: `formatDuration(90)` is `90m`, `formatDuration(120)` is `2h`. */
export function formatDuration(minutes: number): string {
  if (minutes % UNITS.d === 0) return `${minutes / UNITS.d}d`
  if (minutes % UNITS.h === 0) return `${minutes / UNITS.h}h`
  return `${minutes}m`
}

function isUnit(text: string | undefined): text is keyof typeof UNITS {
  return text === 'm' || text === 'h' || text === 'd'
}
