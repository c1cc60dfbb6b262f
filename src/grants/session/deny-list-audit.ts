import { type AuditEvent, LATCHKEY } from '../../audit/events.ts'
import type { DenyDocument } from '../../policies/deny-document.ts'
import { covers, type DenyList, documentOf } from './deny-list.ts'

export interface Found {
  readonly nowMs: number
  readonly awsMs: number
  readonly epoch: string
  readonly version: number
  readonly known: DenyList | undefined
  /** The epoch that the record calls adopted, under whatever id the role had then. */
  readonly adopted: string | undefined
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
