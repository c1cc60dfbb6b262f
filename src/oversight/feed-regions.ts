import type { Actor } from '../audit/events.ts'
import { WIRED } from '../store/indexes.ts'
import type { RecordPort } from '../store/record-store.ts'

export interface WiredRegion {
  readonly accountId: string
  readonly region: string
}

/** @example regionName({ accountId: '111122223333', region: 'eu-west-1' }) // "111122223333/eu-west-1" */
export function regionName({ accountId, region }: WiredRegion): string {
  return `${accountId}/${region}`
}

/**
 * Notes that `latchkey aws setup` wired this region. From now on workers also raise an alarm, in log and audit, when the
 * wiring is missing altogether.
 */
export async function noteSetUp(record: RecordPort, wired: WiredRegion, actor: Actor): Promise<void> {
  await recordWiring(record, wired, { kind: 'wiring.set-up', actor })
}

/** Notes that `latchkey aws teardown` removed the wiring of this region. It is no longer compared. */
export async function noteTakenDown(record: RecordPort, wired: WiredRegion, actor: Actor): Promise<void> {
  await recordWiring(record, wired, { kind: 'wiring.taken-down', actor })
}

async function recordWiring(
  record: RecordPort,
  wired: WiredRegion,
  event: { readonly kind: 'wiring.set-up' | 'wiring.taken-down'; readonly actor: Actor },
): Promise<void> {
  const at = event.kind === 'wiring.set-up' ? await record.now() : null
  await record.commit({
    records: [],
    indexes: [{ ...WIRED, id: regionName(wired), at }],
    audit: [{ ...event, account: wired.accountId, region: wired.region }],
  })
}

/** The `regionName` of every region that was wired and not taken down. */
export async function listWiredRegions(record: Pick<RecordPort, 'scores'>): Promise<ReadonlySet<string>> {
  return new Set((await record.scores(WIRED.kind, WIRED.value)).keys())
}
