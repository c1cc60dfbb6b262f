import type { RecordPort } from '../store/record-store.ts'
import { findEndFault, findForgery, isEndTooLate } from './approval-mac.ts'
import { type Grant, type LiveStatus, readGrant, readGrants, refuseIllegalMove, type StoredGrant } from './grant.ts'

/** A grant whose MAC or id is not Latchkey's: it was changed in Redis. It gives no access and can only be revoked. */
export interface ForgedGrant extends StoredGrant {
  readonly kind: 'forged'
  /** What is wrong, as a sentence for the alarm. */
  readonly fault: string
}

/** Functions that revoke access take this type and handle both kinds. */
export type CheckedGrant = GenuineGrant | ForgedGrant

/**
 * A grant whose MAC and id are Latchkey's. Functions that give or prolong access, or attribute a write, take only this
 * type. Only `check` makes one: the compiler refuses a changed copy, which lacks the private field.
 */
export class GenuineGrant implements StoredGrant {
  readonly kind = 'genuine'
  readonly version: number
  readonly grant: Grant
  readonly #isChecked: true

  private constructor({ version, grant }: StoredGrant) {
    this.version = version
    this.grant = grant
    this.#isChecked = true
  }

  static check(approvalKey: string, { version, grant }: StoredGrant): CheckedGrant {
    const fault = findForgery(approvalKey, grant)
    return fault === undefined ? new GenuineGrant({ version, grant }) : { kind: 'forged', fault, version, grant }
  }

  static isOne(value: object): value is GenuineGrant {
    return #isChecked in value && value.#isChecked
  }

  /**
   * The only way to move a grant to a status that gives access.
   * @throws Error when the table in `grant.ts` does not contain the move: a fault in Latchkey
   */
  moveTo(status: LiveStatus, changes: Partial<Grant> = {}): Grant {
    refuseIllegalMove(this.grant.status, status)
    return { ...this.grant, ...changes, status }
  }
}

interface Deps<Method extends 'read' | 'readMany'> {
  readonly record: Pick<RecordPort, Method>
  readonly approvalKey: string
}

/** Undefined: there is no such grant. @throws when the record does not parse */
export async function readGenuineGrant(
  { record, approvalKey }: Deps<'read'>,
  id: string,
): Promise<CheckedGrant | undefined> {
  const stored = await readGrant(record, id)
  return stored && GenuineGrant.check(approvalKey, stored)
}

/** Reads all at once. Grants that are missing or do not parse are left out. */
export async function readGenuineGrants(
  { record, approvalKey }: Deps<'readMany'>,
  ids: readonly string[],
): Promise<readonly CheckedGrant[]> {
  return (await readGrants(record, ids)).map((stored) => GenuineGrant.check(approvalKey, stored))
}

/** Checks a grant that Latchkey has just written. @throws Error when it is forged: a fault in Latchkey */
export function requireGenuine(approvalKey: string, stored: StoredGrant): GenuineGrant {
  const checked = GenuineGrant.check(approvalKey, stored)
  if (checked.kind === 'genuine') return checked
  throw new Error(`Grant ${stored.grant.id} is forged: ${checked.fault}.`)
}

/** The grant, if it is genuine and its recorded end is possible; otherwise a sentence for the alarm. */
export function checkUse(checked: CheckedGrant): GenuineGrant | { readonly fault: string } {
  if (checked.kind === 'forged') return { fault: checked.fault }
  const fault = findEndFault(checked.grant)
  return fault === undefined ? checked : { fault }
}

/** Whether revoking may rely on the recorded principal and times. If not, the grant is revoked on every principal. */
export function isBelieved(checked: CheckedGrant): boolean {
  return checked.kind === 'genuine' && !isEndTooLate(checked.grant)
}
