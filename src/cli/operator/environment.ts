import { enterEnvironment, operatorEnvironment } from '../../config/environment.ts'
import { ConfigFaults } from '../../config/faults.ts'
import { readSetup, type Setup } from '../../config.ts'
import { Problem } from '../problem.ts'

/**
 * Reads environment and rules as the service does. Afterwards this process has the administrator's AWS credentials and
 * no others.
 */
export function setupOfService(): Setup {
  silenceSdk()
  const env = operatorEnvironment(process.env)
  const setup = orProblem(() => readSetup(env, 'web'))
  enterEnvironment(env)
  return setup
}

/** The pinned AWS SDK runs on Node 20. Its notice about the Node versions of later SDKs is of no use to an operator. */
export function silenceSdk(): void {
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'
}

/** @throws Problem that lists the faults as lines for a terminal, instead of ConfigFaults */
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
