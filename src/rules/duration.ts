import { LatchkeyError } from '../errors.ts'

const UNITS = { m: 1, h: 60, d: 1440 } as const

/**
 * @returns minutes
 * @throws BAD_INPUT for anything but a whole number with `m`, `h` or `d`
 * @example parseDuration('8h') // 480
 */
export function parseDuration(text: string): number {
  const [, count, unit] = /^([1-9][0-9]{0,4})([mhd])$/.exec(text) ?? []
  if (count === undefined || !isUnit(unit))
    throw new LatchkeyError('BAD_INPUT', { problem: 'A duration is one whole number and a unit: 45m, 8h or 2d.' })
  return Number(count) * UNITS[unit]
}

/**
 * Uses the largest unit that gives a whole number.
 * @example formatDuration(90) // "90m"; formatDuration(120) // "2h"
 */
export function formatDuration(minutes: number): string {
  if (minutes % UNITS.d === 0) return `${minutes / UNITS.d}d`
  if (minutes % UNITS.h === 0) return `${minutes / UNITS.h}h`
  return `${minutes}m`
}

function isUnit(text: string | undefined): text is keyof typeof UNITS {
  return text === 'm' || text === 'h' || text === 'd'
}
