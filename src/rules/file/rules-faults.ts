export type KeyPath = readonly (string | number)[]

/** A fault with its position in the text. */
export interface RulesFault {
  /** The first line is 1. */
  readonly line: number
  /** The first column is 1. */
  readonly column: number
  /** The path of the key or value at fault, as `entitlements[0].duration.longest`. Empty: the file as a whole. */
  readonly key: string
  /** What is wrong, as a sentence. */
  readonly problem: string
}

/** A fault with its path in the parsed value, before line and column are known. */
export interface PathFault {
  readonly path: KeyPath
  /** Whether the key or its value is at fault. */
  readonly blamed: 'key' | 'value'
  readonly problem: string
}

/** All faults of a rules file, in the order of the text. */
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
