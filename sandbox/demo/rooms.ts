import type { World } from '../../test/fixtures/world.ts'
import type { PersonName } from '../entra/fixture.ts'
import { textOf } from '../teams/cards.ts'
import type { ShownMessage } from '../teams/client.ts'
import type { Where } from '../teams/index.ts'

/** What people see in Teams, as a story or a test asks for it. */

const IN_TIME_MS = 30_000

/** @throws when it does not come in time */
export async function inTime<T>(awaited: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`There is no ${what}.`)), IN_TIME_MS)
  })
  try {
    return await Promise.race([awaited, late])
  } finally {
    clearTimeout(timer)
  }
}

/** The words of a message as they are shown to that person: text, card, the line below it, the red bar. */
export function wordsOf({ text, card, note, error }: ShownMessage): string {
  return [text, card ? textOf(card) : '', note ?? '', error ?? ''].filter((part) => part !== '').join('\n')
}

/** The newest message of the bot in which all of these words stand. @throws when none comes in time, with what is there */
export async function seeMessage(
  world: Pick<World, 'teams'>,
  who: PersonName,
  where: Where,
  words: readonly string[],
): Promise<ShownMessage> {
  const { teams } = world
  const isIt = (message: ShownMessage) =>
    message.from === 'bot' && !message.deleted && words.every((word) => wordsOf(message).includes(word))
  try {
    return await teams.waitFor(() => teams.conversation(who, where).findLast(isIt), AbortSignal.timeout(IN_TIME_MS))
  } catch (error) {
    const there = teams.conversation(who, where).map(wordsOf).join('\n---\n')
    throw new Error(`${who} does not see ${words.join(', ')} in the ${where}; there is:\n${there}`, { cause: error })
  }
}
