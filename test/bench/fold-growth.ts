import { atLeast, type Bench } from './bench.ts'
import { makeRecords, openFoldFixture } from './tools/fold-fixture.ts'
import { closing } from './tools/processes.ts'
import { compare, inWords } from './tools/rounds.ts'

const MANY = 100_000
const FEW = 100
const RECORDS = 15_000
const UNIT = 'records/s'

/**
 * The same fold with 100,000 live grants and with 100, each in a Redis of its own. On both sides 100 of the grants make the records,
 * because only the number of live grants is measured, not the number in use.
 */
export const foldGrowth: Bench = {
  name: 'fold-growth',
  run: (say) =>
    closing(async (closeLater) => {
      say(`writing ${MANY} and ${FEW} live grants`)
      const [many, few] = [await openFoldFixture(MANY), await openFoldFixture(FEW)]
      closeLater(() => Promise.all([many.close(), few.close()]))
      const sides = {
        latchkey: () => many.fold(makeRecords(RECORDS, many.grantIds.slice(0, FEW))),
        baseline: () => few.fold(makeRecords(RECORDS, few.grantIds)),
      }
      const compared = await compare(sides, UNIT, say)
      return atLeast(0.95, compared.ratio, `${inWords(compared, UNIT)}; ${MANY} against ${FEW} live grants`)
    }),
}
