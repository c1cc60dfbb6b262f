import { byPerson } from '../../audit/events.ts'
import { LatchkeyError } from '../../errors.ts'
import { messagesDue } from '../../messages/message.ts'
import type { Caller } from '../../rules/caller.ts'
import type { Commit } from '../../store/commit.ts'
import { newId } from '../../store/ids.ts'
import { VENDS_OF } from '../../store/indexes.ts'
import { againOnConflict } from '../../store/retry.ts'
import type { Credentials, Driver } from '../driver.ts'
import type { GenuineGrant } from '../genuine-grant.ts'
import { orderOf } from '../grant-order.ts'
import { type AdmitDeps, type Admitted, withVendCheck } from './check-vend.ts'
import type { CredentialsCache } from './credentials-cache.ts'
import { isKnownAddress, withAddress } from './known-addresses.ts'

const HOUR_MS = 3_600_000
const MOST_VENDS_AN_HOUR = 120
export interface VendDeps extends AdmitDeps {
  readonly driver: Driver
  readonly credentialsCache: CredentialsCache
}

/** The purpose of the credentials. */
export interface Use {
  readonly as: 'credentials' | 'console' | 'link'
  /** Checks whether the grant can be used for the purpose `as`. @throws if it cannot */
  refuseOther?(stored: GenuineGrant): void
}

interface Vended {
  readonly stored: GenuineGrant
  readonly credentials: Credentials
  /** Redis time, ms since 1970. */
  readonly nowMs: number
}

interface Intended extends Admitted {
  readonly kept: Credentials | undefined
}

/** Credentials of an active grant, for its requester only. */
export async function vendCredentials(deps: VendDeps, caller: Caller, grantId: string): Promise<Credentials> {
  return (await vendFor(deps, caller, grantId, { as: 'credentials' })).credentials
}

/**
 * Vends credentials, or returns cached ones. New credentials are audited before STS is called. Cached ones are audited
 * when they are for a link or go to a new address.
 */
export async function vendFor(deps: VendDeps, caller: Caller, grantId: string, use: Use): Promise<Vended> {
  const intended = await againOnConflict(() =>
    withVendCheck(deps, caller, grantId, async (admitted) => await intend(deps, caller, admitted, use)),
  )
  const { stored, nowMs, kept } = intended
  const credentials = kept ?? (await deps.driver.vend(orderOf(stored)))
  if (!kept) deps.credentialsCache.keep({ stored, cutMs: intended.cutMs }, credentials, nowMs)
  return { stored, credentials, nowMs }
}

async function intend(deps: VendDeps, caller: Caller, admitted: Admitted, use: Use): Promise<Intended> {
  const { stored, cutMs, nowMs } = admitted
  use.refuseOther?.(stored)
  // A console session lasts as long as its credentials, so it gets new ones.
  const kept = use.as === 'console' ? undefined : deps.credentialsCache.find({ stored, cutMs }, nowMs)
  const isWritten = kept === undefined || use.as !== 'credentials' || !isKnownAddress(stored.grant, caller.address)
  if (isWritten) await deps.record.commit(intentOf(caller, admitted, use, kept))
  return { ...admitted, kept }
}

/**
 * The commit checks the grant's version: an end that was committed earlier makes it fail, and an end that is committed
 * later denies the vended session. The grant is not changed, so concurrent vends do not conflict. The first vend to a
 * new address is the exception: it is added to the grant and its messages.
 */
function intentOf(caller: Caller, { stored, nowMs }: Admitted, { as }: Use, kept: Credentials | undefined): Commit {
  const { grant, version } = stored
  const { address } = caller
  const vends = { kind: VENDS_OF, value: grant.id }
  const facts = { actor: byPerson(caller.objectId), requestId: grant.terms.requestId, grantId: grant.id, address, as }
  const next = withAddress(grant, address, new Date(nowMs).toISOString())
  return {
    records: [{ kind: 'grant', id: grant.id, expectedVersion: version, ...(next && { next }) }],
    indexes: [{ ...vends, id: newId('g'), at: nowMs }],
    limits: [{ ...vends, since: nowMs - HOUR_MS, atMost: MOST_VENDS_AN_HOUR, otherwise: tooManyVends() }],
    audit: [{ kind: kept ? 'vend.repeated' : 'vend.intended', ...facts }],
    ...(next && messagesDue(grant.terms.requestId, nowMs, `g${version + 1}`)),
  }
}

function tooManyVends(): LatchkeyError {
  return new LatchkeyError('TOO_MANY', {
    limit: `Credentials of this grant were vended ${MOST_VENDS_AN_HOUR} times within an hour.`,
    next: 'Let your tools keep those they have: they hold until their expiration.',
  })
}
