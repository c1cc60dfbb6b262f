import { type AuditEvent, LATCHKEY } from '../../audit/events.ts'
import type { DenyDocument } from '../../policies/deny-document.ts'
import { covers, type DenyList, documentOf } from './deny-list.ts'

/** What a round over one role read before it writes. */
export interface Found {
  /** The store's clock, ms since 1970. */
  readonly nowMs: number
  /** AWS's clock, ms since 1970. */
  readonly awsMs: number
  /** The present epoch of Latchkey's data in Redis. */
  readonly epoch: string
  /** The version of the role's deny list in the record. */
  readonly version: number
  /** The recorded deny list of this role and this role id. */
  readonly known: DenyList | undefined
  /** The epoch in the recorded deny list, even if that list belongs to an earlier role of the same name. */
  readonly adopted: string | undefined
  /** The Deny document that AWS holds. */
  readonly held: DenyDocument | undefined
}

export interface Did {
  readonly adopting: boolean
  readonly mustWrite: boolean
  readonly added: boolean
}

export function auditEventOf({ known, held }: Found, next: DenyList, { adopting, mustWrite, added }: Did): AuditEvent {
  const facts = { actor: LATCHKEY, role: next.roleArn }
  if (adopting) {
    return { kind: 'epoch.adopted', ...facts, found: held?.epoch ?? 'none', issuedBefore: next.issuedBefore }
  }
  const denied = next.denied.length
  if (!mustWrite && !added) return { kind: 'deny.verified', ...facts, denied }
  const lost = known !== undefined && !covers(held, { ...documentOf(known), denied: stillDenied(known, next) })
  return { kind: lost ? 'deny.put-back' : 'deny.written', ...facts, denied }
}

function stillDenied(known: DenyList, next: DenyList): readonly string[] {
  const ids = new Set(next.denied.map(({ userid }) => userid))
  return known.denied.map(({ userid }) => userid).filter((userid) => ids.has(userid))
}
