import type { World } from '../../test/fixtures/world.ts'
import type { PersonName } from '../entra/fixture.ts'
import { textOf } from '../teams/cards.ts'
import type { ShownMessage, Where } from '../teams/client.ts'

/** Reads what people see in Teams, for the story and for tests. */

const IN_TIME_MS = 30_000

/** Waits for the promise. @throws after IN_TIME_MS */
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

/** All text that the person sees of a message: text, card, the line below it, and the error bar. */
export function wordsOf({ text, card, note, error }: ShownMessage): string {
  return [text, card ? textOf(card) : '', note ?? '', error ?? ''].filter((part) => part !== '').join('\n')
}

/** The bot's newest message that contains all of these words. @throws when none arrives in time; the error lists the messages */
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
