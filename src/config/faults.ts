/** One thing wrong with the configuration: where, and the sentence or the expected form. Never the value: it may be a secret. */
export interface ConfigFault {
  readonly name: string
  readonly problem: string
}

/** Every fault at once: whoever sets Latchkey up for the first time corrects them in one go. */
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

/** Empty is unset: compose files and shells pass on variables that nobody filled in. */
export function withoutEmpty(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ''))
}
