import type { ShownMessage } from '../../sandbox/teams/index.ts'
import { startWorld } from '../fixtures/world.ts'
import { atLeast, type Bench } from './bench.ts'
import { startConstantBot } from './click-answer.ts'
import { openClicks } from './tools/clicks.ts'
import { closing } from './tools/processes.ts'
import { compare, inWords } from './tools/rounds.ts'

/** Teams accepts 7 messages a second in one chat and 50 from one app. Seven people with seven messages each are the most that it accepts at once. */
const PEOPLE = ['rita', 'max', 'finn', 'nils', 'dana', 'omar', 'oona'] as const
const EACH = 7
const WAVES = 6
const isAnswer = ({ from, card }: ShownMessage) => from === 'bot' && card !== undefined
/** Longer than the longest window of Teams' limits, one hour. */
const LIMITS_FORGET_MS = 3_601_000
const UNIT = 'turns/s'

/**
 * `my access` in personal chats: received, read from the record, sent to Teams. The baseline answers each person with the card that
 * Latchkey made for them, through the same adapter and token check. The sandbox's clock moves between two waves, so that Teams' limits are not measured.
 */
export const botTurns: Bench = {
  name: 'bot-turns',
  run: (say) =>
    closing(async (closeLater) => {
      const world = await startWorld()
      closeLater(() => world.stop())
      const { teams } = world
      const clicks = await openClicks(world)
      closeLater(() => clicks.close())
      // Rita has one grant and one pending request, and Max has that request to review.
      const [granted] = await clicks.prepare(2)
      if (granted) await clicks.approve(granted)
      for (const person of PEOPLE) await teams.install(person)
      await teams.settled()

      async function answerOf(person: (typeof PEOPLE)[number]): Promise<object> {
        await teams.say(person, 'my access')
        const { card } = await teams.waitFor(() => teams.conversation(person).findLast((one) => one.from === 'bot'))
        if (card === undefined) throw new Error('my access was not answered with a card.')
        return card
      }

      const cards = new Map<(typeof PEOPLE)[number], object>()
      for (const person of PEOPLE) cards.set(person, await answerOf(person))
      const baseline = await startConstantBot(world, Object.fromEntries(cards))
      closeLater(() => baseline.stop())

      const answers = () => PEOPLE.flatMap((person) => teams.conversation(person).filter(isAnswer)).length
      let nextId = Date.now()

      async function turns(bot: { readonly url: string }): Promise<number> {
        teams.connect(`${bot.url}/api/messages`)
        const before = answers()
        let milliseconds = 0
        for (let wave = 1; wave <= WAVES; wave += 1) {
          teams.clock.advance(LIMITS_FORGET_MS)
          const activities = PEOPLE.flatMap((who) =>
            // Two activities of the same millisecond would have the same id, and a repeated id is answered only once.
            Array.from({ length: EACH }, () => ({ ...teams.activity(who, 'my access'), id: String(nextId++) })),
          )
          const startedAt = performance.now()
          const delivered = await Promise.all(activities.map((activity) => teams.deliver(activity)))
          milliseconds += performance.now() - startedAt
          if (delivered.some(({ status }) => status !== 200)) throw new Error('A turn was not taken.')
        }
        const answered = answers() - before
        if (answered !== WAVES * PEOPLE.length * EACH) throw new Error(`Only ${answered} turns were answered.`)
        return answered / (milliseconds / 1_000)
      }

      const sides = { latchkey: () => turns(world.web), baseline: () => turns(baseline) }
      const compared = await compare(sides, UNIT, say)
      const sizes = [...cards.values()].map((card) => JSON.stringify(card).length)
      return atLeast(
        1,
        compared.ratio,
        `${inWords(compared, UNIT)}; cards of ${Math.min(...sizes)} to ${Math.max(...sizes)} bytes`,
      )
    }),
}
