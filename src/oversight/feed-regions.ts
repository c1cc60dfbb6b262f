import type { Actor } from '../audit/events.ts'
import { WIRED } from '../store/indexes.ts'
import type { RecordPort } from '../store/record-store.ts'

export interface WiredRegion {
  readonly accountId: string
  readonly region: string
}

/** @example regionName(place) // "111122223333/eu-west-1" */
export function regionName({ accountId, region }: WiredRegion): string {
  return `${accountId}/${region}`
}

/** From now on somebody is told where it is not as it was set up. */
export async function noteSetUp(record: RecordPort, place: WiredRegion, actor: Actor): Promise<void> {
  await note(record, place, { kind: 'wiring.set-up', actor })
}

export async function noteTakenDown(record: RecordPort, place: WiredRegion, actor: Actor): Promise<void> {
  await note(record, place, { kind: 'wiring.taken-down', actor })
}

async function note(
  record: RecordPort,
  place: WiredRegion,
  event: { readonly kind: 'wiring.set-up' | 'wiring.taken-down'; readonly actor: Actor },
): Promise<void> {
  const at = event.kind === 'wiring.set-up' ? await record.now() : null
  await record.commit({
    records: [],
    indexes: [{ ...WIRED, id: regionName(place), at }],
    audit: [{ ...event, account: place.accountId, region: place.region }],
  })
}

/** Names of the places where something should be wired. */
export async function listWiredRegions(record: Pick<RecordPort, 'scores'>): Promise<ReadonlySet<string>> {
  return new Set((await record.scores(WIRED.kind, WIRED.value)).keys())
}
