import { byPerson, LATCHKEY } from '../audit/events.ts'
import { isLatchkeyError, LatchkeyError } from '../errors.ts'
import { againOnConflict, newId, type RecordPort, refuseWithoutRoom } from '../record.ts'
import type { Caller } from '../rules/caller.ts'
import type { Credentials, Driver } from './driver.ts'
import { endForged } from './end-forged.ts'
import { beginRevoke } from './end-grant.ts'
import { refuseUnlessReady } from './epoch.ts'
import { readGrant, refuseIfNotActive, type StoredGrant } from './grant.ts'
import { orderOf } from './order.ts'
import { isRefusal, recordRefusal } from './record-refusal.ts'
import type { SeenEligible } from './seen-eligible.ts'
import { type EligibilityNeeds, findIneligibility } from './still-eligible.ts'
import { findYesFault } from './yes.ts'

/** Eligibility at vend is at most this old; while the directory does not answer, at most `WITHOUT_DIRECTORY_MS`. */
const FRESH_MS = 5 * 60_000
const WITHOUT_DIRECTORY_MS = 15 * 60_000

const HOUR_MS = 3_600_000
const MOST_VENDS_AN_HOUR = 120
const VENDS_OF = 'vends'

export interface VendNeeds extends EligibilityNeeds {
  readonly record: RecordPort
  readonly driver: Driver
  readonly approvalKey: string
  readonly seenEligible: SeenEligible
}

/** Credentials of an active grant, for its requester only. The intent is on record before STS is asked. */
export async function vendCredentials(needs: VendNeeds, caller: Caller, grantId: string): Promise<Credentials> {
  const { grant } = await againOnConflict(() => intendFor(needs, caller, grantId))
  return await needs.driver.vend(orderOf(grant))
}

async function intendFor(needs: VendNeeds, caller: Caller, grantId: string): Promise<StoredGrant> {
  const stored = await readGrant(needs.record, grantId)
  if (!stored) throw new LatchkeyError('NOT_FOUND', { thing: 'grant' })
  try {
    await admit(needs, caller, grantId, stored)
    await refuseUnlessEligible(needs, stored)
    await intend(needs.record, caller, stored)
    return stored
  } catch (error) {
    await writeRefusal(needs.record, caller, stored, error)
    throw error
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
  await refuseWithoutRoom(needs.record)
  await refuseUnlessReady(needs, grant.terms.principal, nowMs)
}

/**
 * An end that is committed first wins; one that comes later denies what is vended. The grant itself stays as it is, so that vends at the same
 * moment do not stand in each other's way.
 */
async function intend(record: RecordPort, caller: Caller, { grant, version }: StoredGrant): Promise<void> {
  const nowMs = await record.now()
  const vends = { kind: VENDS_OF, value: grant.id }
  const facts = { actor: byPerson(caller.objectId), requestId: grant.terms.requestId, grantId: grant.id }
  await record.commit({
    records: [{ kind: 'grant', id: grant.id, expectedVersion: version }],
    indexes: [{ ...vends, id: newId('g'), at: nowMs }],
    limits: [{ ...vends, since: nowMs - HOUR_MS, atMost: MOST_VENDS_AN_HOUR, otherwise: tooManyVends() }],
    audit: [{ kind: 'vend.intended', ...facts, address: caller.address }],
  })
}

function tooManyVends(): LatchkeyError {
  return new LatchkeyError('TOO_MANY', {
    limit: `Credentials of this grant were vended ${MOST_VENDS_AN_HOUR} times within an hour.`,
    next: 'Let your tools keep those they have: they hold until their expiration.',
  })
}

/** A no ends the grant; no answer is borne for a while. */
async function refuseUnlessEligible(needs: VendNeeds, stored: StoredGrant): Promise<void> {
  const { id, terms } = stored.grant
  const ageMs = needs.seenEligible.ageMs(id) ?? Number.POSITIVE_INFINITY
  if (ageMs < FRESH_MS) return
  let reason: string | undefined
  try {
    reason = await findIneligibility(needs, terms)
  } catch (error) {
    if (isLatchkeyError(error, 'UNAVAILABLE') && ageMs < WITHOUT_DIRECTORY_MS) return
    throw error
  }
  if (reason === undefined) return needs.seenEligible.seen(id)
  await beginRevoke(needs.record, stored, { cause: 'no-longer-eligible', actor: LATCHKEY, detail: reason })
  throw new LatchkeyError('NOT_ELIGIBLE', { reason, mayAsk: [] })
}

async function writeRefusal(record: RecordPort, caller: Caller, { grant }: StoredGrant, error: unknown): Promise<void> {
  if (!isRefusal(error)) return
  const facts = { actor: byPerson(caller.objectId), requestId: grant.terms.requestId, grantId: grant.id }
  await recordRefusal(record, caller, { kind: 'vend.refused', ...facts, code: error.code, sentence: error.message })
}
