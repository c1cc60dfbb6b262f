import { createHash } from 'node:crypto'
import { isPartyTo } from '../grants/grant.ts'
import { type Copy, copy } from '../messages/message.ts'
import type { Message } from '../messages/message-sender.ts'
import type { RecordPort } from '../store/record-store.ts'
import type { Reading } from '../views/read-view.ts'
import { type CardReader, renderCard } from './request-card.ts'

/** Longer than one sending may take: whoever claimed it has died. After each try without an answer it lasts longer: what was sent may be there. */
const CLAIM_LASTS_MS = 60_000
const LONGER_EACH_TRY = 5
/** Clocks of two processes and one Redis; what is claimed further ahead was not claimed by us. */
const SKEW_MS = 120_000

export interface StoredCopy {
  readonly version: number
  readonly copy: Copy
}

/** Copies that cannot be read are left out: they are not ours. */
export async function readCopies(
  record: Pick<RecordPort, 'readMany'>,
  ids: readonly string[],
): Promise<readonly StoredCopy[]> {
  const stored = await record.readMany('copy', ids)
  return ids.flatMap((id, position) => {
    const one = stored[position]
    const parsed = copy.safeParse(one?.value)
    return one && parsed.success ? [{ version: one.version, copy: { ...parsed.data, id } }] : []
  })
}

/** Names what is shown by its content: what reads the same need not be sent again. */
export function contentOf({ card }: Message): string {
  return createHash('sha256').update(JSON.stringify(card)).digest('base64url').slice(0, 22)
}

/** Whether this copy has something to show by now. What nobody saw while it could be decided is not sent afterwards. */
export function isWanted({ role, shows, place, reference, presented }: Copy, { request, grant }: Reading): boolean {
  const { status } = request.request
  const isExtension = request.request.extends !== undefined && status === 'approved'
  if (shows === 'outcome')
    return isOutcome(status) || isExtension || (grant !== undefined && grant.grant.status !== 'activating')
  if (place.channel === 'mail') return status === 'pending' && presented === ''
  return role === 'requester' || status === 'pending' || reference !== undefined
}

/** What its requester did not do themselves, and no grant follows. */
function isOutcome(status: string): boolean {
  return status === 'denied' || status === 'lapsed'
}

/** How long nobody else may send it; 0: it is nobody's. */
export function claimedForMs({ claimedAt, reference, tries = 1 }: Copy, nowMs: number): number {
  if (reference !== undefined || claimedAt === undefined) return 0
  const sinceMs = nowMs - Date.parse(claimedAt)
  if (!(sinceMs > -SKEW_MS)) return 0
  return Math.max(0, CLAIM_LASTS_MS * LONGER_EACH_TRY ** (tries - 1) - sinceMs)
}

/** The requester's first message tells what was asked and decided; what follows is told by the second. */
export function messageOf(copy: Copy, reading: Reading, publicUrl: string): Message {
  const { shown } = reading
  const isFirst = copy.role === 'requester' && copy.shows === 'request'
  return renderCard(isFirst ? { ...shown, grant: null } : shown, readerOf(copy, reading), publicUrl)
}

/** In a conversation of many the card itself is for everybody; who asked gets their own view of it. */
function readerOf({ role, reader, place }: Copy, reading: Reading): CardReader {
  const isShared = place.channel === 'teams' && place.conversation.conversationType !== 'personal'
  if (!isShared) return partOf(role, reader, reading)
  const { userId } = place.conversation
  return { part: 'everybody', refreshFor: userId === undefined ? [] : [userId] }
}

/** As somebody sees it who sees it alone. */
export function partOf(role: Copy['role'], readerId: string, { grant }: Reading): CardReader {
  return role === 'requester'
    ? { part: role }
    : { part: role, hasApproved: grant !== undefined && isPartyTo(grant.grant.terms, readerId) }
}
