import { LATCHKEY } from '../audit/events.ts'
import { LatchkeyError } from '../errors.ts'
import type { RecordPort } from '../record.ts'
import {
  covers,
  type DenyRecord,
  deniedUntil,
  denyCommit,
  denyId,
  documentOf,
  mergeDenied,
  readDenyRecord,
  userIdOf,
} from './deny-record.ts'
import type { DenyDocument, Driver, Principal } from './driver.ts'
import { readGrants } from './grant.ts'

/** Long enough for every AWS call of one round with its time-outs and retries. */
const LEASE_MS = 60_000
/** AWS reads a document of this many ids at most; see the quota of inline policies (10,240 characters a role). */
const MOST_WAITING = 150

export interface DenyNeeds {
  readonly record: RecordPort
  readonly driver: Driver
}

/** `done`: AWS was read back and refuses the grant's sessions. `busy`: somebody else writes this role now. */
export type DenyOutcome = 'done' | 'busy'

/**
 * Makes AWS refuse the sessions of every grant of this role that waits for it, in one write, and reads it back.
 * So n early ends at once cost one write per role, not n.
 */
export async function denySessions(needs: DenyNeeds, principal: Principal, grantId: string): Promise<DenyOutcome> {
  const { record } = needs
  if (await isDenied(needs, principal, userIdOf(principal, grantId))) return 'done'
  const lease = await record.lease(`deny-${denyId(principal)}`, LEASE_MS)
  if (!lease) return 'busy'
  try {
    return await writeWaiting(needs, principal, grantId)
  } finally {
    await lease.release()
  }
}

/** The write of another grant may have carried this one along. The record alone is not believed: only what AWS reads back is said. */
async function isDenied({ record, driver }: DenyNeeds, principal: Principal, userid: string): Promise<boolean> {
  const { value: known } = await readDenyRecord(record, principal)
  if (!known?.denied.some((one) => one.userid === userid)) return false
  return covers(await driver.readDeny(principal), { ...documentOf(known), denied: [userid] })
}

async function writeWaiting(
  { record, driver }: DenyNeeds,
  principal: Principal,
  grantId: string,
): Promise<DenyOutcome> {
  const [nowMs, epoch, stored, waiting, held] = await Promise.all([
    record.now(),
    record.epoch(),
    readDenyRecord(record, principal),
    waitingOn(record, principal, grantId),
    driver.readDeny(principal),
  ])
  const added = waiting.map(({ grant }) => ({
    userid: userIdOf(principal, grant.id),
    until: deniedUntil(nowMs, grant.endsAt),
  }))
  const next: DenyRecord = {
    roleArn: principal.roleArn,
    roleId: principal.roleId,
    // A document of another epoch keeps its mark until the epoch check has dealt with the sessions behind it.
    epoch: stored.value?.epoch ?? held?.epoch ?? epoch,
    issuedBefore: latest(stored.value?.issuedBefore, held?.issuedBefore),
    denied: mergeDenied(stored.value?.denied ?? [], held?.denied ?? [], added, nowMs),
  }
  await writeAndReadBack(driver, principal, documentOf(next))
  const audit = { kind: 'deny.written', actor: LATCHKEY, role: principal.roleArn, denied: next.denied.length } as const
  await record.commit(denyCommit(principal, stored.version, next, [audit]))
  return 'done'
}

/** A write whose answer was lost may have happened: only what is read back counts. */
export async function writeAndReadBack(driver: Driver, principal: Principal, wanted: DenyDocument): Promise<void> {
  const readBack = await driver.writeDeny(principal, wanted)
  if (covers(readBack, wanted)) return
  throw new LatchkeyError('AWS_REFUSED', {
    doing: `to keep the Deny document of ${principal.roleArn}`,
    awsCode: 'ReadBackDiffers',
    next: 'Somebody else may be writing it; Latchkey tries again.',
  })
}

/** The index only adds company: whoever asks is denied even when it is missing there. */
async function waitingOn(record: RecordPort, principal: Principal, grantId: string) {
  const ids = await record.list('revoking', denyId(principal), { limit: MOST_WAITING })
  const grants = await readGrants(record, [...new Set([grantId, ...ids])])
  return grants.filter(({ grant }) => grant.terms.principal.roleId === principal.roleId)
}

function latest(a: string | undefined, b: string | undefined): string {
  return new Date(Math.max(Date.parse(a ?? '') || 0, Date.parse(b ?? '') || 0)).toISOString().replace('.000Z', 'Z')
}
