import { noticeIdOf, type SecurityNotice } from '../../messages/security-notice.ts'
import { type DenyDocument, UNKNOWN_EPOCH } from '../../policies/deny-document.ts'

interface Adoption {
  readonly nowMs: number
  readonly epoch: string
  /** The version of the role's deny list in the record. */
  readonly version: number
  /** The epoch in the role's deny list. Undefined: there is no list. */
  readonly adopted: string | undefined
  readonly held: DenyDocument | undefined
}

const HOUR_MS = 3_600_000

/**
 * The security notice about the adoption of one role. Undefined: the role never carried an epoch, or was created again
 * in AWS.
 */
export function adoptionNotice(found: Adoption, roleArn: string, isFirst: boolean): SecurityNotice | undefined {
  const { nowMs, epoch, version, adopted, held } = found
  const seen = { at: new Date(nowMs).toISOString(), role: roleArn }
  if (adopted !== epoch) {
    const isFirstEver = held === undefined && adopted === undefined
    return isFirstEver ? undefined : { kind: 'record-replaced', id: noticeIdOf(epoch), ...seen }
  }
  if (!held) return undefined
  // Each change gets its own notice, because each round writes a new version of the deny list.
  if (held.epoch === UNKNOWN_EPOCH) {
    return { kind: 'deny-changed', id: noticeIdOf(`${epoch} ${roleArn} ${version}`), ...seen, isFirst }
  }
  // The record was restored from a backup in which its own epoch was adopted already.
  // The id contains the hour, because a record can be restored more than once.
  return { kind: 'record-replaced', id: noticeIdOf(`${epoch} ${held.epoch} ${Math.floor(nowMs / HOUR_MS)}`), ...seen }
}
