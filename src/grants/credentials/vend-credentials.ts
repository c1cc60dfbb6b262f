import { byPerson } from '../../audit/events.ts'
import { LatchkeyError } from '../../errors.ts'
import { showAgain } from '../../messages/message.ts'
import type { Caller } from '../../rules/caller.ts'
import type { Commit } from '../../store/commit.ts'
import { newId } from '../../store/ids.ts'
import { VENDS_OF } from '../../store/indexes.ts'
import { againOnConflict } from '../../store/retry.ts'
import type { Credentials, Driver } from '../driver.ts'
import type { Grant } from '../grant.ts'
import { orderOf } from '../grant-order.ts'
import { type AdmitNeeds, type Admitted, forAdmitted } from './check-vend.ts'
import type { VendCache } from './credentials-cache.ts'
import { isKnownAddress, withAddress } from './known-addresses.ts'

const HOUR_MS = 3_600_000
const MOST_VENDS_AN_HOUR = 120
export interface VendNeeds extends AdmitNeeds {
  readonly driver: Driver
  readonly vended: VendCache
}

/** What credentials are for. */
export interface Use {
  readonly as: 'credentials' | 'console' | 'link'
  /** @throws for a grant that cannot be used so */
  refuseOther?(grant: Grant): void
}

interface Vended {
  readonly grant: Grant
  readonly credentials: Credentials
  /** Redis time, ms since 1970. */
  readonly nowMs: number
}

interface Intended extends Admitted {
  readonly kept: Credentials | undefined
}

/** Credentials of an active grant, for its requester only. */
export async function vendCredentials(needs: VendNeeds, caller: Caller, grantId: string): Promise<Credentials> {
  return (await vendFor(needs, caller, grantId, { as: 'credentials' })).credentials
}

/** The intent is on record before STS is asked. What is still good is handed out again, and that is on record where it goes somewhere new. */
export async function vendFor(needs: VendNeeds, caller: Caller, grantId: string, use: Use): Promise<Vended> {
  const intended = await againOnConflict(() =>
    forAdmitted(needs, caller, grantId, async (admitted) => await intend(needs, caller, admitted, use)),
  )
  const { stored, nowMs, kept } = intended
  const { grant } = stored
  const credentials = kept ?? (await needs.driver.vend(orderOf(grant)))
  if (!kept) needs.vended.keep({ grant, cutMs: intended.cutMs }, credentials, nowMs)
  return { grant, credentials, nowMs }
}

async function intend(needs: VendNeeds, caller: Caller, admitted: Admitted, use: Use): Promise<Intended> {
  const { stored, cutMs, nowMs } = admitted
  use.refuseOther?.(stored.grant)
  // A console lasts as long as its credentials: it begins with new ones.
  const kept = use.as === 'console' ? undefined : needs.vended.find({ grant: stored.grant, cutMs }, nowMs)
  const isWritten = kept === undefined || use.as !== 'credentials' || !isKnownAddress(stored.grant, caller.address)
  if (isWritten) await needs.record.commit(intentOf(caller, admitted, use, kept))
  return { ...admitted, kept }
}

/**
 * An end that is committed first wins; one that comes later denies what is vended. The grant itself stays as it is, so that vends at the same
 * moment do not stand in each other's way, but for the first to a new address, which is told.
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
    ...(next && showAgain(grant.terms.requestId, nowMs, `g${version + 1}`)),
  }
}

function tooManyVends(): LatchkeyError {
  return new LatchkeyError('TOO_MANY', {
    limit: `Credentials of this grant were vended ${MOST_VENDS_AN_HOUR} times within an hour.`,
    next: 'Let your tools keep those they have: they hold until their expiration.',
  })
}
