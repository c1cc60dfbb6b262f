import { type AuditEvent, LATCHKEY } from '../../audit/events.ts'
import { isLatchkeyError, LatchkeyError } from '../../errors.ts'
import type { DenyDocument } from '../../policies/deny-document.ts'
import { iamTime } from '../../policies/iam-time.ts'
import type { Driver, Urgency } from '../driver.ts'
import type { SessionPrincipal } from '../principal.ts'
import { covers, type DenyList, documentOf } from './deny-list.ts'

/** The longest that a vend can be under way: AssumeRole with its time-outs and retries. */
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
 * Writes it and reads it back. A denial is never refused for room: where a document does not fit, all sessions of the role that were issued until
 * now are refused instead, and what no true yes explains leaves; nothing can be vended to that again. An id that a true yes explains and that AWS
 * denies already stays, because whoever writes to Redis could make its grant look live again.
 */
export async function writeWithRoom(
  driver: Driver,
  principal: SessionPrincipal,
  draft: DenyDraft,
  { held, awsMs }: Before,
): Promise<Written> {
  // What only lets ids go can wait.
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

/** Somebody forged so many ends, or filled the role. Who has a live grant there takes new credentials. */
export function alarmIfFull(log: DenyLog, { roleArn, issuedBefore }: DenyDraft, leftOut: DenyList['denied']) {
  if (leftOut.length === 0) return []
  const facts = { role: roleArn, issuedBefore, leftOut: leftOut.length }
  log.error(facts, 'a Deny document was full: every session of the role that was issued until now is refused instead')
  return [{ kind: 'alarm.deny-full', actor: LATCHKEY, ...facts } as const]
}

/** What somebody did past Latchkey, or did to its record. A role's first adoption of all is none of that. */
export function warnAbout(log: DenyLog, event: AuditEvent): void {
  if (event.kind === 'deny.put-back')
    log.warn({ role: event.role }, 'somebody changed or deleted a Deny document in AWS: it was put back')
  if (event.kind === 'epoch.adopted' && event.found !== 'none')
    log.warn(
      { role: event.role, issuedBefore: event.issuedBefore },
      'the record was lost or put back: every session of the role that was issued before is refused',
    )
}

/** A write whose answer was lost may have happened: only what is read back counts. */
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
