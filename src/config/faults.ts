/** A fault of the configuration. It never contains the value of a secret variable. */
export interface ConfigFault {
  /** Name of the variable, or of the file. */
  readonly name: string
  /** What is wrong: a sentence, or the word `expected` and the form that the value must have. */
  readonly problem: string
}

/** All faults of the configuration together, so that they can be corrected in one go. */
export class ConfigFaults extends Error {
  override readonly name = 'ConfigFaults'
  readonly faults: readonly ConfigFault[]

  constructor(faults: readonly ConfigFault[]) {
    const lines = faults.map(({ name, problem }) => `  ${name}: ${problem}`)
    super(`Latchkey was not started. Correct the following and start it again:\n${lines.join('\n')}`)
    this.faults = faults
  }
}

export function expected(name: string, form: string): ConfigFault {
  return { name, problem: `expected ${form}` }
}

export type Environment = Readonly<Record<string, string | undefined>>

/** Treats empty variables as unset, because compose files and shells pass on variables without a value. */
export function withoutEmpty(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ''))
}
