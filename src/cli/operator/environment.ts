import { enterEnvironment, operatorEnvironment } from '../../config/environment.ts'
import { ConfigFaults } from '../../config/faults.ts'
import { readSetup, type Setup } from '../../config.ts'
import { Problem } from '../problem.ts'

/** Environment and rules as the service reads them; from here on this process is nobody but the administrator. */
export function setupOfService(): Setup {
  silenceSdk()
  const env = operatorEnvironment(process.env)
  const setup = orProblem(() => readSetup(env, 'web'))
  enterEnvironment(env)
  return setup
}

/** The pinned SDK runs on Node 20; its notice about later versions says nothing to whoever operates this one. */
export function silenceSdk(): void {
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'
}

/** The faults as lines for a terminal. */
export function orProblem<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof ConfigFaults)) throw error
    const lines = error.faults.map(({ name, problem }) => `  ✗ ${name}: ${problem}`)
    throw new Problem(
      `The configuration has ${lines.length} fault${lines.length === 1 ? '' : 's'}:\n${lines.join('\n')}`,
    )
  }
}
