import type { PersonName } from '../../sandbox/entra/fixture.ts'
import { freePort, startWorld, type World } from '../fixtures/world.ts'
import { atMost, type Bench } from './bench.ts'
import { openClicks, type Pending, timeEach } from './tools/clicks.ts'
import { closing, type RunningProcess, startQuiet } from './tools/processes.ts'
import { compare, inWords } from './tools/rounds.ts'
import { percentile } from './tools/statistics.ts'

const CLICKS = 100
const IN_FLIGHT = 20
const UNIT = 'ms'

/**
 * The answer to an approval in Teams, p95 with 20 in flight, each for its own request. The baseline answers every click with one constant card of
 * the size of Latchkey's, through the same adapter and token check.
 */
export const clickAnswer: Bench = {
  name: 'click-answer',
  run: (say) =>
    closing(async (closeLater) => {
      const world = await startWorld()
      closeLater(() => world.stop())
      const clicks = await openClicks(world)
      closeLater(() => clicks.close())
      const asked = await clicks.prepare(1)
      const [outcome] = await Promise.all(asked.map((pending) => clicks.approve(pending)))
      if (outcome?.kind !== 'card') throw new Error(`A yes was answered with: ${JSON.stringify(outcome)}`)
      const baseline = await startConstantBot(world, { max: outcome.card })
      closeLater(() => baseline.stop())

      async function clickAll(bot: { readonly url: string }, pending: readonly Pending[]): Promise<number> {
        world.teams.connect(`${bot.url}/api/messages`)
        const times = await timeEach(pending, IN_FLIGHT, async (one) => {
          const { kind } = await clicks.approve(one)
          if (kind !== 'card') throw new Error(`A yes was answered with: ${kind}`)
        })
        return percentile(times, 95)
      }

      const sides = {
        latchkey: async () => clickAll(world.web, await clicks.prepare(CLICKS)),
        baseline: () => clickAll(baseline, Array.from({ length: CLICKS }, () => asked).flat()),
      }
      const compared = await compare(sides, UNIT, say)
      const bytes = JSON.stringify(outcome.card).length
      return atMost(
        1.5,
        compared.ratio,
        `p95 ${inWords(compared, UNIT)}; ${IN_FLIGHT} in flight, a card of ${bytes} bytes`,
      )
    }),
}

type Cards = Readonly<Partial<Record<PersonName, object>>>

export async function startConstantBot(world: World, cards: Cards): Promise<RunningProcess> {
  const byId = Object.fromEntries(
    Object.entries(cards).map(([name, card]) => [world.teams.roster.person(name).objectId, card]),
  )
  const env = { ...world.environment('web', await freePort()), CARDS: JSON.stringify(byId) }
  return startQuiet('test/bench/baselines/constant-bot.js', [], env)
}
