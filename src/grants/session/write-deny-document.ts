import { type AuditEvent, LATCHKEY } from '../../audit/events.ts'
import { isLatchkeyError, LatchkeyError } from '../../errors.ts'
import type { DenyDocument } from '../../policies/deny-document.ts'
import { iamTime } from '../../policies/iam-time.ts'
import type { Driver, Urgency } from '../driver.ts'
import type { SessionPrincipal } from '../principal.ts'
import { covers, type DenyList, documentOf } from './deny-list.ts'

/** The longest duration of a vend: AssumeRole with its time-outs and retries. */
export const LONGEST_VEND_MS = 30_000

export type DenyDraft = Omit<DenyList, 'writtenAt'>

export interface DenyLog {
  warn(data: object, message: string): void
  error(data: object, message: string): void
}

interface Before {
  readonly held: DenyDocument | undefined
  readonly awsMs: number
}

interface Written {
  readonly made: DenyDraft
  readonly leftOut: DenyList['denied']
}

/**
 * Writes the Deny document and verifies it. If the document is too large, ids are left out of it, first those that no
 * genuine approval explains, and the role denies every session that was issued before now plus the longest vend.
 * An id that a genuine approval explains and that AWS denies already always stays, because a writer to Redis could make
 * its grant look live again.
 * @throws QUOTA_FULL when even the shortest document does not fit, AWS_REFUSED when AWS holds another document
 */
export async function writeWithRoom(
  driver: Driver,
  principal: SessionPrincipal,
  draft: DenyDraft,
  { held, awsMs }: Before,
): Promise<Written> {
  // A write that only drops ids is not urgent.
  const urgency = covers(held, documentOf(draft)) ? 'tidying' : 'early-revoke'
  const explained = draft.denied.filter((one) => !one.unexplained)
  const already = new Set(held?.denied)
  const shorter = [explained, explained.filter(({ userid }) => already.has(userid))]
  const issuedBefore = iamTime(Math.max(awsMs + LONGEST_VEND_MS, Date.parse(draft.issuedBefore)))
  const drafts = [draft, ...shorter.map((denied) => ({ ...draft, issuedBefore, denied }))]
  let full: unknown
  for (const made of drafts) {
    try {
      await writeAndReadBack(driver, principal, documentOf(made), urgency)
      return { made, leftOut: draft.denied.filter((one) => !made.denied.includes(one)) }
    } catch (error) {
      if (!isLatchkeyError(error, 'QUOTA_FULL')) throw error
      full = error
    }
  }
  throw full
}

/**
 * The document is full after many forged ends or many grants on the role. Requesters with live grants on it need new
 * credentials.
 */
export function alarmIfFull(log: DenyLog, { roleArn, issuedBefore }: DenyDraft, leftOut: DenyList['denied']) {
  if (leftOut.length === 0) return []
  const facts = { role: roleArn, issuedBefore, leftOut: leftOut.length }
  log.error(facts, 'a Deny document is full: the role refuses all sessions that were issued until now')
  return [{ kind: 'alarm.deny-full', actor: LATCHKEY, ...facts } as const]
}

/**
 * Logs changes that were made in AWS or in the record without Latchkey. The first adoption of a role is no such change.
 */
export function warnAbout(log: DenyLog, event: AuditEvent): void {
  if (event.kind === 'deny.put-back')
    log.warn({ role: event.role }, 'somebody changed or deleted a Deny document in AWS: it was put back')
  if (event.kind === 'epoch.adopted' && event.found !== 'none')
    log.warn(
      { role: event.role, issuedBefore: event.issuedBefore },
      'the record was lost or put back: every session of the role that was issued before is refused',
    )
}

/** Only the document that AWS returns afterwards counts, because a write whose response was lost may have happened. */
async function writeAndReadBack(
  driver: Driver,
  principal: SessionPrincipal,
  wanted: DenyDocument,
  urgency: Urgency,
): Promise<void> {
  const readBack = await driver.writeDeny(principal, wanted, urgency)
  if (covers(readBack, wanted)) return
  throw new LatchkeyError('AWS_REFUSED', {
    doing: `to keep the Deny document of ${principal.roleArn}`,
    awsCode: 'ReadBackDiffers',
    next: 'Somebody else may be writing it; Latchkey tries again.',
  })
}
