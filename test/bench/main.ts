import { approveToAws } from './approve-to-aws.ts'
import type { Bench, Row } from './bench.ts'
import { botTurns } from './bot-turns.ts'
import { clickAnswer } from './click-answer.ts'
import { earlyRevoke } from './early-revoke.ts'
import { foldGrowth } from './fold-growth.ts'
import { intakeAccept } from './intake-accept.ts'
import { intakeFold } from './intake-fold.ts'
import { recordBytes } from './record-bytes.ts'
import { revokeCalls } from './revoke-calls.ts'
import { roundTrips } from './round-trips.ts'
import { stormRecord } from './storm-record.ts'
import { formatNumber, formatTable } from './tools/table.ts'
import { vend } from './vend.ts'
import { workers2 } from './workers-2.ts'

/** `npm run bench [-- --json] [-- <name>…]`. Exits with 0 when everything was measured. A missed goal is reported and is no failure. */

const BENCHES: readonly Bench[] = [
  intakeAccept,
  intakeFold,
  foldGrowth,
  stormRecord,
  earlyRevoke,
  revokeCalls,
  approveToAws,
  clickAnswer,
  botTurns,
  recordBytes,
  roundTrips,
  vend,
  workers2,
]

function chosen(names: readonly string[]): readonly Bench[] {
  const unknown = names.filter((name) => !BENCHES.some((bench) => bench.name === name))
  if (unknown.length > 0) {
    throw new Error(
      `There is no bench ${unknown.join(', ')}. There are: ${BENCHES.map(({ name }) => name).join(', ')}.`,
    )
  }
  return names.length === 0 ? BENCHES : BENCHES.filter(({ name }) => names.includes(name))
}

/** Undefined when the measurement failed; standard error says why. */
async function measure({ name, run }: Bench): Promise<Row | undefined> {
  const say = (line: string) => process.stderr.write(`${name}: ${line}\n`)
  try {
    const row = { name, ...(await run(say)) }
    say(`${formatNumber(row.value)}, goal ${row.goal}: ${row.meets ? 'met' : 'missed'}`)
    return row
  } catch (error) {
    say(`not measured: ${error instanceof Error ? error.stack : String(error)}`)
    return undefined
  }
}

async function main(words: readonly string[]): Promise<void> {
  const benches = chosen(words.filter((word) => !word.startsWith('-')))
  const rows: Row[] = []
  for (const bench of benches) {
    const row = await measure(bench)
    if (row) rows.push(row)
  }
  process.stdout.write(words.includes('--json') ? `${JSON.stringify(rows, null, 2)}\n` : `${formatTable(rows)}\n`)
  process.exitCode = rows.length === benches.length ? 0 : 1
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
