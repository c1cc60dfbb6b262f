/** Levels, durations, times and amounts in words, as cards, mails and pages write them. */

const LEVEL_WORDS: ReadonlyMap<string, string> = new Map([
  ['read', 'see names and download objects'],
  ['write', 'see names, upload and overwrite objects'],
  ['delete', 'see names and delete objects'],
  ['purge', 'see names, read any version and erase it for good, the present one too'],
  ['tag', 'see names and change tags'],
])

/** @example levelTitle('read') // "Read: see names and download objects" */
export function levelTitle(level: string): string {
  const words = LEVEL_WORDS.get(level)
  const name = level.charAt(0).toUpperCase() + level.slice(1)
  return words === undefined ? name : `${name}: ${words}`
}

/** @example inWords(['read', 'write']) // "read and write" */
export function inWords(names: readonly string[], joint: 'and' | 'or' = 'and'): string {
  const last = names.at(-1) ?? ''
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} ${joint} ${last}`
}

/** @example durationWords(90) // "1 hour 30 minutes" */
export function durationWords(minutes: number): string {
  const days = Math.floor(minutes / 1440)
  const hours = Math.floor((minutes % 1440) / 60)
  const amounts = [amount(days, 'day'), amount(hours, 'hour'), amount(minutes % 60, 'minute')]
  return amounts.filter((one) => !one.startsWith('0 ')).join(' ') || 'less than a minute'
}

export function amount(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`
}

const BYTE_UNITS = ['bytes', 'KB', 'MB', 'GB', 'TB', 'PB'] as const

/** @example byteWords(1_234_567) // "1.2 MB" */
export function byteWords(bytes: number): string {
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), BYTE_UNITS.length - 1)
  const scaled = bytes / 1000 ** power
  return power === 0 ? amount(bytes, 'byte') : `${scaled.toFixed(1)} ${BYTE_UNITS[power]}`
}

/** A time for a TextBlock: the client writes it in the reader's time zone. Clients accept whole seconds only. */
export function moment(at: string): string {
  const seconds = `${new Date(at).toISOString().slice(0, 19)}Z`
  return `{{DATE(${seconds}, SHORT)}} at {{TIME(${seconds})}}`
}
