import { byPerson, LATCHKEY } from '../../audit/events.ts'
import { type ErrorCode, isLatchkeyError, LatchkeyError } from '../../errors.ts'
import type { Caller } from '../../rules/caller.ts'
import { isRefusal, recordRefusal } from '../../store/audit-refusal.ts'
import { type RecordPort, refuseWithoutRoom } from '../../store/record-store.ts'
import { findYesFault } from '../approval-mac.ts'
import { beginRevoke } from '../begin-revoke.ts'
import { readGrant, refuseIfNotActive, type StoredGrant } from '../grant.ts'
import { type EligibilityNeeds, findIneligibility } from '../recheck-eligibility.ts'
import { type Readiness, readReadiness, refuseUnlessReady } from '../recovery/readiness.ts'
import { endForged } from '../revoke-forged.ts'
import type { VendCache } from './credentials-cache.ts'
import type { SeenEligible } from './eligibility-cache.ts'
import { refuseWithoutSecondFactor } from './second-factor.ts'

/** Eligibility at vend is at most this old; while the directory does not answer, at most `WITHOUT_DIRECTORY_MS`. */
const FRESH_MS = 5 * 60_000
const WITHOUT_DIRECTORY_MS = 15 * 60_000

/** Refusals after which the grant gives its requester nothing any more. */
const OF_THE_GRANT: readonly ErrorCode[] = ['OVER', 'NOT_FOUND', 'NOT_ELIGIBLE']

export interface AdmitNeeds extends EligibilityNeeds {
  readonly record: RecordPort
  readonly approvalKey: string
  readonly seenEligible: SeenEligible
  readonly vended: Pick<VendCache, 'forget' | 'principalOf'>
}

/** A grant that this caller may use now. */
export interface Admitted {
  readonly stored: StoredGrant
  /** Redis time, ms since 1970. */
  readonly nowMs: number
  /** Sessions issued before that are refused by their role. */
  readonly cutMs: number
}

interface Reading extends Omit<Admitted, 'cutMs'> {
  readonly readiness: Readiness | undefined
}

/** Whoever is not admitted, or is refused by `act`, is written down. What this process kept for a grant that gives nothing any more is forgotten. */
export async function forAdmitted<T>(
  needs: AdmitNeeds,
  caller: Caller,
  grantId: string,
  act: (admitted: Admitted) => Promise<T>,
): Promise<T> {
  // One round trip for all that is read again and again while a tool works.
  const lastOn = needs.vended.principalOf(grantId)
  const [stored, nowMs, readiness] = await Promise.all([
    readGrant(needs.record, grantId),
    needs.record.now(),
    lastOn && readReadiness(needs, lastOn),
  ])
  if (!stored) throw new LatchkeyError('NOT_FOUND', { thing: 'grant' })
  const reading = { stored, nowMs, readiness }
  try {
    const cutMs = await admit(needs, caller, grantId, reading)
    const asked = await refuseUnlessEligible(needs, stored)
    return await act({ stored, ...(asked ? await lookAgain(needs, stored) : { nowMs, cutMs }) })
  } catch (error) {
    await writeRefusal(needs, caller, stored, error)
    throw error
  }
}

async function admit(
  needs: AdmitNeeds,
  caller: Caller,
  grantId: string,
  { stored, nowMs, readiness }: Reading,
): Promise<number> {
  const { grant } = stored
  if (grant.terms.requester !== caller.objectId) throw new LatchkeyError('NOT_FOUND', { thing: 'grant' })
  const fault = findYesFault(needs.approvalKey, grantId, grant)
  if (fault !== undefined) {
    await endForged(needs.record, stored, fault)
    throw new LatchkeyError('NOT_FOUND', { thing: 'grant' })
  }
  refuseIfNotActive(grant, nowMs)
  refuseAttached(stored)
  refuseWithoutSecondFactor(grant, caller)
  await refuseWithoutRoom(needs.record)
  return await refuseUnlessReady(needs, grant.terms.principal, nowMs, readiness)
}

function refuseAttached({ grant: { terms } }: StoredGrant): void {
  if (terms.principal.driver !== 'attach') return
  throw new LatchkeyError('BAD_INPUT', {
    problem: `This grant is on ${terms.principal.arn}: use the credentials and the console that you have of it. Nothing else is needed.`,
  })
}

/** The directory may take its time, and an adoption reckons with `LONGEST_VEND_MS` from the look at the role until AWS is asked. */
async function lookAgain(needs: AdmitNeeds, { grant }: StoredGrant): Promise<Omit<Admitted, 'stored'>> {
  const { principal } = grant.terms
  const [nowMs, readiness] = await Promise.all([needs.record.now(), readReadiness(needs, principal)])
  refuseIfNotActive(grant, nowMs)
  return { nowMs, cutMs: await refuseUnlessReady(needs, principal, nowMs, readiness) }
}

/** A no ends the grant; no answer is borne for a while. @returns whether the directory was asked */
async function refuseUnlessEligible(needs: AdmitNeeds, stored: StoredGrant): Promise<boolean> {
  const { id, terms } = stored.grant
  const ageMs = needs.seenEligible.ageMs(id) ?? Number.POSITIVE_INFINITY
  if (ageMs < FRESH_MS) return false
  let reason: string | undefined
  try {
    reason = await findIneligibility(needs, terms)
  } catch (error) {
    if (isLatchkeyError(error, 'UNAVAILABLE') && ageMs < WITHOUT_DIRECTORY_MS) return true
    throw error
  }
  if (reason === undefined) {
    needs.seenEligible.seen(id)
    return true
  }
  await beginRevoke(needs.record, stored, { cause: 'no-longer-eligible', actor: LATCHKEY, detail: reason })
  throw new LatchkeyError('NOT_ELIGIBLE', { reason, mayAsk: [] })
}

async function writeRefusal(needs: AdmitNeeds, caller: Caller, { grant }: StoredGrant, error: unknown): Promise<void> {
  if (!isRefusal(error)) return
  if (OF_THE_GRANT.includes(error.code) && grant.terms.requester === caller.objectId) needs.vended.forget(grant.id)
  const facts = { actor: byPerson(caller.objectId), requestId: grant.terms.requestId, grantId: grant.id }
  await recordRefusal(needs.record, caller, {
    kind: 'vend.refused',
    ...facts,
    code: error.code,
    sentence: error.message,
  })
}
