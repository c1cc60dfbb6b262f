import type { Trip } from './counting-proxy.ts'

/**
 * Trips of idle processes, which belong to no request: waiting for entries and jobs, BullMQ's check for stalled jobs, keep-alive,
 * and the sweeper's check of the due index.
 */
export function isIdle(trip: Trip): boolean {
  return trip.every(isIdleCommand)
}

const IDLE = new Set(['XREADGROUP', 'XAUTOCLAIM', 'BZPOPMIN', 'PING', 'CLIENT', 'HELLO'])

function isIdleCommand([name = '', ...words]: readonly string[]): boolean {
  if (IDLE.has(name.toUpperCase())) return true
  return isDueCheck([name, ...words]) || words.some((word) => word.endsWith(':stalled-check')) || isEmptyFold(words)
}

function isDueCheck([name = '', key = '']: readonly string[]): boolean {
  return name.toUpperCase() === 'ZRANGEBYSCORE' && key.startsWith('{latchkey}:due:')
}

/** The seventh argument of the fold script after its keys is the number of records. */
const RECORDS_OF_FOLD = 7

/** The fold also reports due entries when no record came. */
function isEmptyFold([, keys, inbox, ...words]: readonly string[]): boolean {
  return inbox === '{latchkey}:inbox' && words.at(Number(keys) - 1 + RECORDS_OF_FOLD - 1) === '0'
}

/** The round trips that belong to requests. Each check of the due index asks Redis for the time first. */
export function countTrips(trips: readonly Trip[]): number {
  const sweeps = trips.filter((trip) => trip.some(isDueCheck)).length
  return trips.filter((trip) => !isIdle(trip)).length - sweeps
}

/** A short name of a trip: a script's first own key, else command and key, without ids. */
export function nameOf(trip: Trip): string {
  return trip.map(nameOfCommand).join(' + ')
}

function nameOfCommand([name = '', ...words]: readonly string[]): string {
  const isScript = name.toLowerCase() === 'evalsha'
  const key = (isScript ? words[2] : words[0]) ?? ''
  const kind = key.replace('{latchkey}:', '').replace(/:[cgr]-[0-9a-z]{12}|:[0-9a-f-]{36}/g, '')
  return `${isScript ? 'script' : name.toLowerCase()} ${kind}`.trim()
}
