import { LATCHKEY } from '../../audit/events.ts'
import { type ErrorCode, isLatchkeyError, LatchkeyError } from '../../errors.ts'
import type { Caller } from '../../rules/caller.ts'
import { auditRefusals } from '../../store/audit-refusal.ts'
import { type RecordPort, refuseWithoutRoom } from '../../store/record-store.ts'
import { beginRevoke } from '../begin-revoke.ts'
import { type CheckedGrant, checkUse, type GenuineGrant, readGenuineGrant } from '../genuine-grant.ts'
import { refuseIfNotActive } from '../grant.ts'
import { type EligibilityDeps, findIneligibility } from '../recheck-eligibility.ts'
import { type Readiness, readReadiness, refuseUnlessReady } from '../recovery/readiness.ts'
import { revokeForged } from '../revoke-forged.ts'
import type { CredentialsCache } from './credentials-cache.ts'
import type { EligibilityCache } from './eligibility-cache.ts'
import { refuseWithoutSecondFactor } from './second-factor.ts'

/** The maximum age of eligibility at a vend. While the directory does not answer, it is `WITHOUT_DIRECTORY_MS`. */
const FRESH_MS = 5 * 60_000
const WITHOUT_DIRECTORY_MS = 15 * 60_000

/** Refusals after which the requester can get no more credentials from the grant. */
const FINAL_REFUSALS: readonly ErrorCode[] = ['OVER', 'NOT_FOUND', 'NOT_ELIGIBLE']

export interface AdmitDeps extends EligibilityDeps {
  readonly record: RecordPort
  readonly approvalKey: string
  readonly eligibilityCache: EligibilityCache
  readonly credentialsCache: Pick<CredentialsCache, 'forget' | 'principalOf'>
}

/** A grant that this caller may use now. */
export interface Admitted {
  readonly stored: GenuineGrant
  /** Redis time, ms since 1970. */
  readonly nowMs: number
  /** The role refuses sessions that were issued before this time, ms since 1970. */
  readonly cutMs: number
}

interface Reading {
  readonly found: CheckedGrant
  readonly nowMs: number
  readonly readiness: Readiness | undefined
}

/**
 * Runs `act` when the caller may use the grant now. Every refusal, also one by `act`, is audited. After a final refusal
 * this process forgets the credentials of the grant.
 */
export async function withVendCheck<T>(
  deps: AdmitDeps,
  caller: Caller,
  grantId: string,
  act: (admitted: Admitted) => Promise<T>,
): Promise<T> {
  // Tools ask for credentials often, so these reads share one round trip.
  const lastOn = deps.credentialsCache.principalOf(grantId)
  const [found, nowMs, readiness] = await Promise.all([
    readGenuineGrant(deps, grantId),
    deps.record.now(),
    lastOn && readReadiness(deps, lastOn),
  ])
  if (!found) throw new LatchkeyError('NOT_FOUND', { thing: 'grant' })
  const reading = { found, nowMs, readiness }
  const facts = { kind: 'vend.refused', requestId: found.grant.terms.requestId, grantId: found.grant.id } as const
  return await auditRefusals(deps.record, caller, facts, () => actIfAdmitted(deps, caller, reading, act))
}

async function actIfAdmitted<T>(
  deps: AdmitDeps,
  caller: Caller,
  reading: Reading,
  act: (admitted: Admitted) => Promise<T>,
): Promise<T> {
  const { found, nowMs } = reading
  try {
    const { stored, cutMs } = await admit(deps, caller, reading)
    const asked = await refuseUnlessEligible(deps, stored)
    return await act({ stored, ...(asked ? await checkAgain(deps, stored) : { nowMs, cutMs }) })
  } catch (error) {
    forgetIfOver(deps, caller, found, error)
    throw error
  }
}

async function admit(
  deps: AdmitDeps,
  caller: Caller,
  { found, nowMs, readiness }: Reading,
): Promise<Omit<Admitted, 'nowMs'>> {
  if (found.grant.terms.requester !== caller.objectId) throw new LatchkeyError('NOT_FOUND', { thing: 'grant' })
  const stored = checkUse(found)
  if ('fault' in stored) {
    await revokeForged(deps.record, found, stored.fault)
    throw new LatchkeyError('NOT_FOUND', { thing: 'grant' })
  }
  const { grant } = stored
  refuseIfNotActive(grant, nowMs)
  refuseAttached(stored)
  refuseWithoutSecondFactor(grant, caller)
  await refuseWithoutRoom(deps.record)
  return { stored, cutMs: await refuseUnlessReady(deps, grant.terms.principal, nowMs, readiness) }
}

function refuseAttached({ grant: { terms } }: GenuineGrant): void {
  if (terms.principal.driver !== 'attach') return
  throw new LatchkeyError('BAD_INPUT', {
    problem: `This grant is on ${terms.principal.arn}: use the credentials and the console that you have of it. Nothing else is needed.`,
  })
}

/**
 * Reads the time and the readiness again after the directory was called, which may be slow. The adoption of an epoch
 * assumes that a vend takes at most `LONGEST_VEND_MS` from this check until AWS issues the session.
 */
async function checkAgain(deps: AdmitDeps, { grant }: GenuineGrant): Promise<Omit<Admitted, 'stored'>> {
  const { principal } = grant.terms
  const [nowMs, readiness] = await Promise.all([deps.record.now(), readReadiness(deps, principal)])
  refuseIfNotActive(grant, nowMs)
  return { nowMs, cutMs: await refuseUnlessReady(deps, principal, nowMs, readiness) }
}

/**
 * Revokes the grant when its requester is no longer eligible. While the directory does not answer, vending continues
 * until the last answer is `WITHOUT_DIRECTORY_MS` old.
 * @returns whether the directory was asked
 */
async function refuseUnlessEligible(deps: AdmitDeps, stored: GenuineGrant): Promise<boolean> {
  const { id, terms } = stored.grant
  const ageMs = deps.eligibilityCache.ageMs(id) ?? Number.POSITIVE_INFINITY
  if (ageMs < FRESH_MS) return false
  let reason: string | undefined
  try {
    reason = await findIneligibility(deps, terms)
  } catch (error) {
    if (isLatchkeyError(error, 'UNAVAILABLE') && ageMs < WITHOUT_DIRECTORY_MS) return true
    throw error
  }
  if (reason === undefined) {
    deps.eligibilityCache.seen(id)
    return true
  }
  await beginRevoke(deps.record, stored, { cause: 'no-longer-eligible', actor: LATCHKEY, detail: reason })
  throw new LatchkeyError('NOT_ELIGIBLE', { reason, mayAsk: [] })
}

function forgetIfOver(deps: AdmitDeps, caller: Caller, { grant }: CheckedGrant, error: unknown): void {
  const isOver = error instanceof LatchkeyError && FINAL_REFUSALS.includes(error.code)
  if (isOver && grant.terms.requester === caller.objectId) deps.credentialsCache.forget(grant.id)
}
