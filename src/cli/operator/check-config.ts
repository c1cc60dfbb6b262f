import { operatorEnvironment } from '../../config/environment.ts'
import type { Environment } from '../../config/faults.ts'
import { checkSetup, readSetup } from '../../config.ts'
import { orProblem } from './environment.ts'
import { print } from './print.ts'

/**
 * Checks environment and rules as web and workers would.
 * @throws Problem with every fault; a fault of the rules file has its line
 */
export function checkConfig(env: Environment): void {
  const { rules } = orProblem(() => {
    checkSetup(env, ['web', 'workers'])
    return readSetup(operatorEnvironment(env), 'web')
  })
  const { accounts, buckets, entitlements, securityChannel } = rules
  const counts = `accounts: ${accounts.size}, buckets: ${buckets.size}, entitlements: ${entitlements.length}`
  print(`The configuration is in order (${counts}).`)
  if (securityChannel === undefined)
    print('Warning: the rules name no securityChannel. Of an emptied or replaced Redis nobody is told in Teams.')
}
