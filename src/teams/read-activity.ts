import { type Activity, TurnContext } from 'botbuilder'
import { z } from 'zod'
import type { Click } from '../interactions/interaction.ts'
import type { Heard } from './activity.ts'

/** What of an activity means something to the bot. */

const executed = z.looseObject({
  action: z.looseObject({ verb: z.string().min(1), data: z.record(z.string(), z.unknown()).nullish() }),
  // The SDK's own parsing of this value forgets the trigger.
  trigger: z.enum(['manual', 'automatic']).catch('manual'),
})

export function executedAction({ replyToId }: Heard, value: unknown): Click | undefined {
  const parsed = executed.safeParse(value)
  if (!parsed.success) return undefined
  const { action, trigger } = parsed.data
  return { verb: action.verb, data: action.data ?? {}, reference: replyToId, trigger }
}

/** Without the mention of the bot, which is how people speak to it in a channel. */
export function textOf(activity: Activity): string {
  const text = TurnContext.removeRecipientMention(activity) ?? activity.text ?? ''
  return text.replace(/&nbsp;|\u00a0/g, ' ').trim()
}

/** The app was installed. Teams says so twice, once more by a `conversationUpdate` that names the bot: one welcome is enough. */
export function isArrival({ type, action = '' }: Heard): boolean {
  return type === 'installationUpdate' && action.startsWith('add')
}
