import type { Difference } from '../../aws/feed/compare-feed.ts'

export function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

const COLUMNS = 80
const SIGNS = { keep: '=', create: '+', update: '~', delete: '-' } as const
const DONE = { keep: 'kept', create: 'made', update: 'mended', delete: 'deleted' } as const

/**
 * One line for a difference, and the reasons below it.
 * @example "  ~ update  rule             latchkey-s3"
 */
export function planLines({ kind, name, act, why }: Difference): readonly string[] {
  const reasons = act === 'create' ? [] : why
  return [line(SIGNS[act], act, kind, name), ...reasons.flatMap((reason) => wrapped(reason, 12))]
}

export function doneLine({ kind, name, act }: Difference): string {
  return line('✓', DONE[act], kind, name)
}

function line(sign: string, act: string, kind: string, name: string): string {
  return `  ${sign} ${act.padEnd(7)} ${kind.padEnd(16)} ${name}`
}

/** Lines of at most 80 columns, broken between words. A longer word is not broken. */
export function wrapped(text: string, indent: number): readonly string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && indent + last.length + word.length < COLUMNS) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines.map((one) => `${' '.repeat(indent)}${one}`)
}
