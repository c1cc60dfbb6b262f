import { WRITE_KINDS, type WriteKind } from '../oversight/s3-write.ts'
import type { LastWrite, WriteSummary } from '../oversight/write-summary.ts'
import { clip, cutMiddle, plain, type TextRun, textRuns } from '../views/safe-text.ts'
import { byteWords, moment } from '../views/words.ts'

/** The writes of one grant as a card shows them. */
export interface Writes {
  /** The counts in words. They contain no text from outside, so they may be in a TextBlock. */
  readonly sums: string
  readonly note: string
  readonly last: readonly { readonly what: readonly TextRun[]; readonly when: string }[]
}

const MOST_SHOWN = 5
const LONGEST_KEY = 120
const LONGEST_CALL = 60

const WORDS: Readonly<Record<WriteKind, string>> = {
  written: 'written',
  copied: 'copied',
  deleted: 'deleted',
  'batch-deleted': 'deleted in batches',
  tagged: 'tagged',
  other: 'other writes',
  denied: 'refused by AWS',
}

/** Only what CloudTrail reported. It never claims that nothing was written, because records can be late or missing. */
export function writesOf({ counts, bytes, last }: WriteSummary, isLive: boolean): Writes {
  const seen = WRITE_KINDS.filter((kind) => counts[kind] > 0).map((kind) => `${counts[kind]} ${WORDS[kind]}`)
  const size = bytes > 0 ? [`at least ${byteWords(bytes)}`] : []
  const none = isLive ? 'No writes seen yet.' : 'No writes seen.'
  return {
    sums: [...seen, ...size].join(' · ') || none,
    note: 'As CloudTrail told, often minutes later. It shows what was seen, not that there was nothing else.',
    last: last.slice(0, MOST_SHOWN).map(lineOf),
  }
}

function lineOf({ kind, name, uri, at }: LastWrite): Writes['last'][number] {
  const call = kind === 'other' || kind === 'denied' ? textRuns(`${clip(plain(name), LONGEST_CALL)} `) : []
  return {
    what: [...call, ...textRuns(cutMiddle(uri, LONGEST_KEY), { fontType: 'Monospace' })],
    when: `${LINE_WORDS[kind]} ${moment(at)}`,
  }
}

const LINE_WORDS: Readonly<Record<WriteKind, string>> = {
  written: 'Written',
  copied: 'Copied',
  deleted: 'Deleted',
  'batch-deleted': 'Batch delete',
  tagged: 'Tagged',
  other: 'Other write',
  denied: 'Refused by AWS',
}
