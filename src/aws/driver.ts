import { LatchkeyError } from '../errors.ts'
import type {
  AttachPrincipal,
  AttachTargets,
  Credentials,
  Driver,
  GrantDraft,
  GrantOrder,
  Ready,
  SessionPrincipal,
  SessionRoles,
} from '../grants/driver.ts'
import type { BucketPreflight } from './inspect/check-bucket.ts'

export interface SessionDriver extends SessionRoles {
  preflight(draft: GrantDraft): Promise<readonly [SessionPrincipal, ...SessionPrincipal[]]>
  activate(order: GrantOrder<SessionPrincipal>, now: number): Promise<void>
  vend(order: GrantOrder<SessionPrincipal>): Promise<Credentials>
  now(): Promise<number>
}

export interface AttachDriver extends AttachTargets {
  preflight(draft: GrantDraft): Promise<readonly [AttachPrincipal]>
  activate(order: GrantOrder<AttachPrincipal>, now: number, refuseIfMoved?: () => Promise<void>): Promise<void>
}

/** Both drivers as one: the principal of a grant says which. */
export function joinDrivers(buckets: BucketPreflight, session: SessionDriver, attach: AttachDriver): Driver {
  return {
    ...session,
    ...attach,
    async preflight(draft): Promise<Ready> {
      const driver = draft.holder === undefined ? session : attach
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
