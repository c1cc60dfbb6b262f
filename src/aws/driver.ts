import { LatchkeyError } from '../errors.ts'
import type { Driver, Ready } from '../grants/driver.ts'
import type { Rules } from '../rules/rules.ts'
import { type AttachDriver, attachDriver } from './attach/attach-driver.ts'
import { awsClients, type ClientsDeps } from './clients.ts'
import { type BucketPreflight, bucketPreflight } from './inspect/check-bucket.ts'
import { type SessionDriver, sessionDriver } from './session/session-driver.ts'

/** One driver out of both; the grant's principal decides which one acts. */
function joinDrivers(buckets: BucketPreflight, session: SessionDriver, attach: AttachDriver): Driver {
  return {
    ...session,
    ...attach,
    async preflight(draft): Promise<Ready> {
      const driver = draft.ownIdentity === undefined ? session : attach
      const [facts, principals] = await Promise.all([buckets.read(draft), driver.preflight(draft)])
      return { principals, warnings: buckets.judge(facts, draft, principals) }
    },
    async checkBucket(draft, principal) {
      return buckets.judge(await buckets.read(draft), draft, [principal])
    },
    async activate(order, now, refuseIfMoved) {
      const { principal } = order
      if (principal.driver === 'attach') return await attach.activate({ ...order, principal }, now, refuseIfMoved)
      await buckets.refuseBypass(order)
      await session.activate({ ...order, principal }, now)
    },
    async vend(order) {
      const { principal } = order
      if (principal.driver === 'session') return await session.vend({ ...order, principal })
      throw new LatchkeyError('NOT_ELIGIBLE', {
        reason: `This grant is on ${principal.arn}: use the credentials that you have of it.`,
        mayAsk: [],
      })
    },
  }
}

export interface AwsDriverDeps extends ClientsDeps, Pick<Rules, 'buckets' | 'principals'> {}

/** Both drivers share the clients, so that all their writes to one account go through one write queue. */
export function awsDriver(deps: AwsDriverDeps): Driver {
  const shared = { ...deps, clients: awsClients(deps) }
  return joinDrivers(bucketPreflight(shared), sessionDriver(shared), attachDriver(shared))
}
