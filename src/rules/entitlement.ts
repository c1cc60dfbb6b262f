import type { Conditions } from './conditions.ts'
import type { Level } from './levels.ts'
import type { Scope } from './scope.ts'

/** `id`: Entra object id. */
export interface Subject {
  readonly kind: 'group' | 'person'
  readonly name: string
  readonly id: string
}

export type Approver = { readonly kind: 'manager' } | Subject

export interface Entitlement {
  readonly name: string
  readonly who: readonly Subject[]
  readonly scopes: readonly Scope[]
  readonly levels: readonly Level[]
  readonly driver: 'session' | 'attach'
  readonly conditions?: Conditions
  readonly defaultMinutes: number
  readonly longestMinutes: number
  /** Any one of them decides. */
  readonly approvers: readonly Approver[]
  readonly lapseAfterMinutes: number
}

/** As the rules file writes it: `manager`, `group:finance`, `person:data-lead`. */
export function formatApprover(approver: Approver): string {
  return approver.kind === 'manager' ? 'manager' : `${approver.kind}:${approver.name}`
}
