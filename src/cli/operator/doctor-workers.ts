import type { Rules } from '../../rules/rules.ts'
import { RECONCILED_ACCOUNTS } from '../../store/indexes.ts'
import type { RecordPort } from '../../store/record-store.ts'
import type { Finding } from './finding.ts'

const AREA = 'Workers'
/** The reconciler begins a round each minute. It is a fault when the last round began longer ago than this. */
const ROUND_WITHIN_MS = 300_000
const OVERDUE_MS = 30_000
const MOST_COUNTED = 1_000
const NEXT = 'Start the workers; their log says what stops them.'

/**
 * Whether workers are running. Without them no grant is activated or revoked early; access still ends on time, because
 * the end is inside the IAM document.
 */
export async function workersFindings(
  { accounts }: Pick<Rules, 'accounts'>,
  record: Pick<RecordPort, 'now' | 'scores' | 'due'>,
): Promise<readonly Finding[]> {
  const [nowMs, lastAt] = [await record.now(), await record.scores(RECONCILED_ACCOUNTS.kind, RECONCILED_ACCOUNTS.value)]
  const overdue = await record.due('grants', nowMs - OVERDUE_MS, MOST_COUNTED)
  return [
    ...[...accounts.keys()].map((account) => roundFinding(account, lastAt.get(account), nowMs)),
    overdueFinding(overdue.length),
  ]
}

function roundFinding(account: string, at: number | undefined, nowMs: number): Finding {
  const area = AREA
  // A time in the future cannot be the time of a round: a clock was changed, or another program wrote it.
  if (at === undefined || at > nowMs)
    return { area, state: 'wrong', says: `${account}: no whole round was made over it yet.`, next: NEXT }
  const says = `${account}: the last whole round over it was ${Math.floor((nowMs - at) / 1_000)} seconds ago.`
  return nowMs - at > ROUND_WITHIN_MS ? { area, state: 'wrong', says, next: NEXT } : { area, state: 'ok', says }
}

function overdueFinding(count: number): Finding {
  const area = AREA
  if (count === 0) return { area, state: 'ok', says: 'No grant waits to be ended or activated.' }
  const many =
    count === MOST_COUNTED ? `${count} grants or more wait` : count === 1 ? '1 grant waits' : `${count} grants wait`
  return { area, state: 'wrong', says: `${many} to be ended or activated.`, next: NEXT }
}
