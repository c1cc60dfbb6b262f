import type { FinishedCall, ServiceHandler } from './call.ts'
import type { SandboxClock } from './clock.ts'
import type { Faults } from './faults.ts'
import type { Journal } from './journal.ts'
import type { AwsState } from './state.ts'

/** The parts of the sandbox that every service uses. */
export interface SandboxCore {
  readonly clock: SandboxClock
  /** The account that the sandbox was started with. */
  readonly state: AwsState
  /** Returns another account; creates it if it is new. */
  account(id: string): AwsState
  readonly journal: Journal
  readonly faults: Faults
  /** The listener is called after the effect of each call and before its reply is sent. */
  onFinished(listener: (call: FinishedCall) => void): void
}

/** Makes one service of the sandbox. */
export type ServicePlugin = (core: SandboxCore) => ServiceHandler | Promise<ServiceHandler>
