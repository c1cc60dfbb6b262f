import { byPerson, LATCHKEY } from '../audit/events.ts'
import { isLatchkeyError, LatchkeyError } from '../errors.ts'
import type { RecordPort } from '../record.ts'
import type { Caller } from '../rules/caller.ts'
import type { Credentials, Driver } from './driver.ts'
import { endForged } from './end-forged.ts'
import { beginRevoke } from './end-grant.ts'
import { refuseUnlessReady } from './epoch.ts'
import { moveGrant, readGrant, refuseIfNotActive, type StoredGrant } from './grant.ts'
import { orderOf } from './order.ts'
import { recordRefusal } from './record-refusal.ts'
import { type EligibilityNeeds, findIneligibility } from './still-eligible.ts'
import { findYesFault } from './yes.ts'

/** Eligibility at vend is at most this old; while the directory does not answer, at most `WITHOUT_DIRECTORY_MS`. */
const FRESH_MS = 5 * 60_000
const WITHOUT_DIRECTORY_MS = 15 * 60_000

export interface VendNeeds extends EligibilityNeeds {
  readonly record: RecordPort
  readonly driver: Driver
  readonly approvalKey: string
}

/** Credentials of an active grant, for its requester only. The intent is on record before STS is asked. */
export async function vendCredentials(needs: VendNeeds, caller: Caller, grantId: string): Promise<Credentials> {
  for (;;) {
    const stored = await readGrant(needs.record, grantId)
    if (!stored) throw new LatchkeyError('NOT_FOUND', { thing: 'grant' })
    try {
      await admit(needs, caller, grantId, stored)
    } catch (error) {
      await writeRefusal(needs.record, caller, stored, error)
      throw error
    }
    if (await intend(needs, caller, stored)) return await needs.driver.vend(orderOf(stored.grant))
  }
}

async function admit(needs: VendNeeds, caller: Caller, grantId: string, stored: StoredGrant): Promise<void> {
  const { grant } = stored
  if (grant.terms.requester !== caller.objectId) throw new LatchkeyError('NOT_FOUND', { thing: 'grant' })
  const fault = findYesFault(needs.approvalKey, grantId, grant)
  if (fault !== undefined) {
    await endForged(needs.record, stored, fault)
    throw new LatchkeyError('NOT_FOUND', { thing: 'grant' })
  }
  const nowMs = await needs.record.now()
  refuseIfNotActive(grant, nowMs)
  await refuseUnlessReady(needs, grant.terms.principal, nowMs)
}

/** False when the grant moved meanwhile: read it again. An end that is committed first wins; one that comes later denies what is vended. */
async function intend(needs: VendNeeds, caller: Caller, stored: StoredGrant): Promise<boolean> {
  const { grant, version } = stored
  const eligibleAt = await readEligibility(needs, stored)
  const next = moveGrant(grant, 'active', { vends: grant.vends + 1, eligibleAt })
  const facts = { actor: byPerson(caller.objectId), requestId: grant.terms.requestId, grantId: grant.id }
  try {
    await needs.record.commit({
      records: [{ kind: 'grant', id: grant.id, expectedVersion: version, next }],
      audit: [{ kind: 'vend.intended', ...facts, address: caller.address }],
    })
    return true
  } catch (error) {
    if (isLatchkeyError(error, 'CONFLICT')) return false
    throw error
  }
}

/** When the requester was last found eligible. A no ends the grant; no answer is borne for a while. */
async function readEligibility(needs: VendNeeds, stored: StoredGrant): Promise<string> {
  const { grant } = stored
  const nowMs = await needs.record.now()
  const ageMs = nowMs - Date.parse(grant.eligibleAt)
  // A time ahead of ours was not written by us.
  if (ageMs >= 0 && ageMs < FRESH_MS) return grant.eligibleAt
  let reason: string | undefined
  try {
    reason = await findIneligibility(needs, grant.terms)
  } catch (error) {
    if (isLatchkeyError(error, 'UNAVAILABLE') && ageMs >= 0 && ageMs < WITHOUT_DIRECTORY_MS) return grant.eligibleAt
    throw error
  }
  if (reason === undefined) return new Date(nowMs).toISOString()
  await beginRevoke(needs.record, stored, { cause: 'no-longer-eligible', actor: LATCHKEY, detail: reason })
  throw new LatchkeyError('NOT_ELIGIBLE', { reason, mayAsk: [] })
}

async function writeRefusal(record: RecordPort, caller: Caller, { grant }: StoredGrant, error: unknown): Promise<void> {
  if (!(error instanceof LatchkeyError) || error.code === 'UNAVAILABLE') return
  const facts = { actor: byPerson(caller.objectId), requestId: grant.terms.requestId, grantId: grant.id }
  await recordRefusal(record, caller, { kind: 'vend.refused', ...facts, code: error.code, sentence: error.message })
}
