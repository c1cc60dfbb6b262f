/** The ways in which a call between the bot and Teams can fail, as the caller sees them. */

export type Fault =
  | { readonly kind: 'status'; readonly status: number; readonly retryAfterSeconds?: number }
  /** The connection breaks before the effect. */
  | { readonly kind: 'down' }
  /** The call has its effect; the connection breaks before the answer. */
  | { readonly kind: 'lose' }
  /** The call has its effect; the answer waits for the promise. */
  | { readonly kind: 'hold'; readonly until: Promise<unknown> }

export type Operation =
  | 'createConversation'
  | 'sendToConversation'
  | 'replyToActivity'
  | 'updateActivity'
  | 'deleteActivity'
  | 'getMembers'
  | 'getPagedMembers'
  | 'getMember'
  | 'getActivityMembers'
  | 'getTeam'
  | 'getTeamConversations'

export type Part = Operation | 'token' | 'keys'

interface Plan {
  readonly part: Part | 'any'
  readonly fault: Fault
  /** Limits the fault to this conversation. */
  readonly conversation: string | undefined
  left: number
}

export interface Faults {
  /** The next `times` calls meet the fault. */
  fail(part: Part | 'any', fault: Fault, options?: { readonly times?: number; readonly conversation?: string }): void
  heal(): void
  /** The number of calls that met a fault. */
  struck(part: Part): number
  take(part: Part, conversation?: string): Fault | undefined
}

export function createFaults(): Faults {
  let plans: Plan[] = []
  const counts = new Map<Part, number>()
  return {
    fail(part, fault, { times = 1, conversation } = {}) {
      plans.push({ part, fault, conversation, left: times })
    },
    heal() {
      plans = []
    },
    struck: (part) => counts.get(part) ?? 0,
    take(part, conversation) {
      const plan = plans.find(
        (one) =>
          (one.part === part || one.part === 'any') &&
          (one.conversation === undefined || one.conversation === conversation),
      )
      if (plan === undefined) return undefined
      plan.left -= 1
      if (plan.left <= 0) plans = plans.filter((one) => one !== plan)
      counts.set(part, (counts.get(part) ?? 0) + 1)
      return plan.fault
    },
  }
}
