import { authorize, deniedMessage } from '../authorize.ts'
import { AwsError, type Call } from '../call.ts'
import type { SandboxCore } from '../core.ts'
import type { Context } from '../evaluator.ts'
import type { Bus } from './bus.ts'
import type { BusEvent } from './trail.ts'

/** One call on EventBridge and what is needed to carry it out. */
export interface EventsCall {
  readonly core: SandboxCore
  readonly call: Call
  readonly bus: Bus
  /** `arn:aws:events:<region>:<account>:` */
  readonly arnStart: string
  publish(event: BusEvent): void
}

export function mustAllow(eventsCall: EventsCall, action: string, resource: string, context: Context = {}): void {
  const { identity, request } = eventsCall.call
  const verdict = authorize(eventsCall.core, { identity, action, resource, request, context })
  if (verdict.allowed) return
  throw new AwsError('AccessDeniedException', 400, deniedMessage(identity, action, resource, verdict))
}

export function invalid(message: string): never {
  throw new AwsError('ValidationException', 400, message)
}
