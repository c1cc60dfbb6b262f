import type { Environment } from '../../config/faults.ts'
import { checkSetup, readSetup } from '../../config.ts'
import { operatorEnvironment } from '../../config/environment.ts'
import { print } from './print.ts'
import { orProblem } from './setup-of-service.ts'

/** @throws Problem with every fault of environment and rules, of both parts, each with its line */
export function checkConfig(env: Environment): void {
  const { rules } = orProblem(() => {
    checkSetup(env, ['web', 'workers'])
    return readSetup(operatorEnvironment(env), 'web')
  })
  const { accounts, buckets, entitlements } = rules
  print(`The configuration is in order: ${accounts.size} accounts, ${buckets.size} buckets, ${entitlements.length} entitlements.`)
}
