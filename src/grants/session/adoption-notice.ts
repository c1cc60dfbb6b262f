import { noticeIdOf, type SecurityNotice } from '../../messages/security-notice.ts'
import { type DenyDocument, UNKNOWN_EPOCH } from '../../policies/deny-document.ts'

interface Adoption {
  readonly nowMs: number
  readonly epoch: string
  /** Of the role's record. */
  readonly version: number
  /** The epoch that the record calls adopted. */
  readonly adopted: string | undefined
  readonly held: DenyDocument | undefined
}

const HOUR_MS = 3_600_000

/** What the adoption of one role means. Undefined: it never carried an epoch, or was made anew in AWS. */
export function adoptionNotice(found: Adoption, roleArn: string, isFirst: boolean): SecurityNotice | undefined {
  const { nowMs, epoch, version, adopted, held } = found
  const seen = { at: new Date(nowMs).toISOString(), role: roleArn }
  if (adopted !== epoch) {
    const isFirstEver = held === undefined && adopted === undefined
    return isFirstEver ? undefined : { kind: 'record-replaced', id: noticeIdOf(epoch), ...seen }
  }
  if (!held) return undefined
  // One for each time: two such rounds never find the same version.
  if (held.epoch === UNKNOWN_EPOCH) {
    return { kind: 'deny-changed', id: noticeIdOf(`${epoch} ${roleArn} ${version}`), ...seen, isFirst }
  }
  // An older record that knows its epoch as adopted; by the hour, because it can be put back more than once.
  return { kind: 'record-replaced', id: noticeIdOf(`${epoch} ${held.epoch} ${Math.floor(nowMs / HOUR_MS)}`), ...seen }
}
