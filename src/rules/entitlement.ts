import type { Conditions } from './conditions.ts'
import type { Level } from './levels.ts'
import type { Scope } from './scope.ts'

/** A group or person that the rules name. */
export interface Subject {
  readonly kind: 'group' | 'person'
  /** The name that the rules file gives to the group or person. */
  readonly name: string
  /** Entra object id. */
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
  /** One approval by any of them is enough. */
  readonly approvers: readonly Approver[]
  readonly lapseAfterMinutes: number
}

/** The approver's entry in the rules file. @example "manager", "group:finance", "person:data-lead" */
export function formatApprover(approver: Approver): string {
  return approver.kind === 'manager' ? 'manager' : `${approver.kind}:${approver.name}`
}
