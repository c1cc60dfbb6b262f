import type { RecordPort } from '../store/record-store.ts'
import { findEndFault, findForgery, isEndTooLate } from './approval-mac.ts'
import { type Grant, type LiveStatus, readGrant, readGrants, refuseIllegalMove, type StoredGrant } from './grant.ts'

/** A grant whose MAC or id is not ours: somebody wrote into the record. It gives nothing; it can only be revoked. */
export interface ForgedGrant extends StoredGrant {
  readonly kind: 'forged'
  /** What is wrong, as a sentence for the alarm. */
  readonly fault: string
}

/** What revokes access takes this and handles both kinds. */
export type CheckedGrant = GenuineGrant | ForgedGrant

/**
 * A grant whose MAC and id are ours. What gives or prolongs access, or attributes a write, takes this and nothing else. Only `check` makes one.
 * A changed copy is none: the compiler refuses it, and it lacks the private field.
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

  /** The only move to a status that gives access. @throws when the table does not allow it: a fault of ours. */
  moveTo(status: LiveStatus, changes: Partial<Grant> = {}): Grant {
    refuseIllegalMove(this.grant.status, status)
    return { ...this.grant, ...changes, status }
  }
}

interface Deps<Method extends 'read' | 'readMany'> {
  readonly record: Pick<RecordPort, Method>
  readonly approvalKey: string
}

/** Undefined: there is none. @throws when the record does not parse */
export async function readGenuineGrant(
  { record, approvalKey }: Deps<'read'>,
  id: string,
): Promise<CheckedGrant | undefined> {
  const stored = await readGrant(record, id)
  return stored && GenuineGrant.check(approvalKey, stored)
}

/** In one round trip; grants that are missing or do not parse are left out. */
export async function readGenuineGrants(
  { record, approvalKey }: Deps<'readMany'>,
  ids: readonly string[],
): Promise<readonly CheckedGrant[]> {
  return (await readGrants(record, ids)).map((stored) => GenuineGrant.check(approvalKey, stored))
}

/** Checks a grant that we have just written. @throws when it is forged: a fault of ours. */
export function requireGenuine(approvalKey: string, stored: StoredGrant): GenuineGrant {
  const checked = GenuineGrant.check(approvalKey, stored)
  if (checked.kind === 'genuine') return checked
  throw new Error(`Grant ${stored.grant.id} is forged: ${checked.fault}.`)
}

/** The grant, if it is genuine and its end on record is possible. Otherwise what is wrong, as a sentence for the alarm. */
export function checkUse(checked: CheckedGrant): GenuineGrant | { readonly fault: string } {
  if (checked.kind === 'forged') return { fault: checked.fault }
  const fault = findEndFault(checked.grant)
  return fault === undefined ? checked : { fault }
}

/** Whether revoking relies on the principal and the times of the record. If not, the grant is revoked everywhere. */
export function isBelieved(checked: CheckedGrant): boolean {
  return checked.kind === 'genuine' && !isEndTooLate(checked.grant)
}
