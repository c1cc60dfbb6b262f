import type { Driver } from '../grants/driver.ts'
import type { Rules } from '../rules/file/parse-rules.ts'
import { attachDriver } from './attach/attach-driver.ts'
import { awsClients, type ClientsNeeds } from './clients.ts'
import { joinDrivers } from './driver.ts'
import { bucketPreflight } from './inspect/check-bucket.ts'
import { sessionDriver } from './session/session-driver.ts'

export interface AwsDriverNeeds extends ClientsNeeds, Pick<Rules, 'buckets' | 'principals'> {}

/** Both drivers, with the same clients: what either writes to an account goes through the one lane. */
export function awsDriver(needs: AwsDriverNeeds): Driver {
  const shared = { ...needs, clients: awsClients(needs) }
  return joinDrivers(bucketPreflight(shared), sessionDriver(shared), attachDriver(shared))
}
