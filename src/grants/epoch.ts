import { LATCHKEY } from '../audit/events.ts'
import { LatchkeyError } from '../errors.ts'
import type { RecordPort } from '../record.ts'
import { covers, type DenyRecord, denyCommit, denyId, documentOf, mergeDenied, readDenyRecord } from './deny-record.ts'
import { type DenyNeeds, writeAndReadBack } from './deny-sessions.ts'
import type { DenyDocument, Principal } from './driver.ts'

const LEASE_MS = 60_000

/**
 * A random epoch lives in the record and in the Sid of each Deny document. Where they differ the record was emptied or is older:
 * sessions may be alive that it does not know, so everything issued before now is refused. Ids already denied stay denied.
 * A Deny that was removed by hand is put back. Until this has run for a role, nothing is granted or vended there.
 */
export async function checkEpoch(needs: DenyNeeds): Promise<void> {
  for (const principal of await needs.driver.principals()) await checkRole(needs, principal)
}

async function checkRole(needs: DenyNeeds, principal: Principal): Promise<void> {
  const { record, driver } = needs
  const lease = await record.lease(`deny-${denyId(principal)}`, LEASE_MS)
  // Whoever holds it is writing the same document; the next round looks again.
  if (!lease) return
  try {
    const [epoch, stored, held] = await Promise.all([
      record.epoch(),
      readDenyRecord(record, principal),
      driver.readDeny(principal),
    ])
    const known = stored.value?.roleId === principal.roleId ? stored.value : undefined
    if (known?.epoch === epoch) await keep(needs, principal, known, held)
    else await adopt(needs, principal, stored.version, known, held)
  } finally {
    await lease.release()
  }
}

/** Same epoch: AWS must refuse at least what the record knows. */
async function keep(
  { driver }: DenyNeeds,
  principal: Principal,
  known: DenyRecord,
  held: DenyDocument | undefined,
): Promise<void> {
  const wanted = documentOf(known)
  if (covers(held, wanted)) return
  const denied = [...new Set([...wanted.denied, ...(held?.denied ?? [])])].sort()
  await writeAndReadBack(driver, principal, { ...wanted, denied })
}

async function adopt(
  { record, driver }: DenyNeeds,
  principal: Principal,
  version: number,
  known: DenyRecord | undefined,
  held: DenyDocument | undefined,
): Promise<void> {
  const [nowMs, awsMs, epoch] = await Promise.all([record.now(), driver.now(), record.epoch()])
  const next: DenyRecord = {
    roleArn: principal.roleArn,
    roleId: principal.roleId,
    epoch,
    // AWS's own clock: it stamped the sessions that must end. Whole seconds, the running one included.
    issuedBefore: iamTime(awsMs + 1_000),
    denied: mergeDenied(known?.denied ?? [], held?.denied ?? [], [], nowMs),
  }
  await writeAndReadBack(driver, principal, documentOf(next))
  await record.commit(
    denyCommit(principal, version, next, [
      {
        kind: 'epoch.adopted',
        actor: LATCHKEY,
        role: principal.roleArn,
        found: held?.epoch ?? 'none',
        issuedBefore: next.issuedBefore,
      },
    ]),
  )
}

/** @throws UNAVAILABLE while the role's Deny document is not known to carry this record's epoch, or while it would refuse a new session. */
export async function refuseUnlessReady(record: RecordPort, principal: Principal, nowMs: number): Promise<void> {
  const [epoch, stored] = await Promise.all([record.epoch(), readDenyRecord(record, principal)])
  const known = stored.value
  const ready = known?.epoch === epoch && known.roleId === principal.roleId && Date.parse(known.issuedBefore) <= nowMs
  if (!ready) throw new LatchkeyError('UNAVAILABLE', { what: 'AWS', retryAfterSeconds: 5 })
}

/** @example iamTime(0) // "1970-01-01T00:00:00Z" */
export function iamTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}
