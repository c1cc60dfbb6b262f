export type KeyPath = readonly (string | number)[]

/** `line` and `column` count from 1. `key` is as `entitlements[0].duration.longest`; empty: the file as a whole. `problem` is a whole sentence. */
export interface RulesFault {
  readonly line: number
  readonly column: number
  readonly key: string
  readonly problem: string
}

/** A fault by its place in the meaning of the file; `part` says whether the key or its value is at fault. */
export interface PlacedFault {
  readonly path: KeyPath
  readonly part: 'key' | 'value'
  readonly problem: string
}

/** Every fault of the rules file at once, in the order of the file. */
export class RulesFaults extends Error {
  override readonly name = 'RulesFaults'
  readonly faults: readonly RulesFault[]

  constructor(faults: readonly RulesFault[]) {
    const sorted = [...faults].sort((a, b) => a.line - b.line || a.column - b.column)
    const count = sorted.length === 1 ? '1 fault' : `${sorted.length} faults`
    super([`The rules file has ${count}.`, ...sorted.map(formatFault)].join('\n'))
    this.faults = sorted
  }
}

export function formatKey(path: KeyPath): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    .join('')
    .replace(/^\./, '')
}

function formatFault({ line, column, key, problem }: RulesFault): string {
  return `line ${line}, column ${column}${key ? `, ${key}` : ''}: ${problem}`
}
