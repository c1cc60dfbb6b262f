import { setTimeout as delay } from 'node:timers/promises'
import type { TurnContext } from 'botbuilder'
import type { Interaction } from '../interactions/interaction.ts'
import { ConnectorRefusal } from './connector-client.ts'
import { cardActivity, textActivity } from './outgoing-activity.ts'
import type { Sender } from './parse-activity.ts'

/** Somebody waits: what Teams refuses for the moment is tried again for about two seconds, and no longer. */
const PAUSES_MS = [200, 600, 1_200]

/** What a room hands over, with replies through the SDK. */
export function interactionIn(context: TurnContext, { caller, conversation }: Sender): Interaction {
  return {
    caller,
    conversation,
    async reply(answer) {
      const activity = () => (typeof answer === 'string' ? textActivity(answer) : cardActivity(answer))
      await patiently(() => context.sendActivity(activity()))
    },
  }
}

async function patiently(send: () => Promise<unknown>): Promise<void> {
  for (const pauseMs of PAUSES_MS) {
    try {
      await send()
      return
    } catch (error) {
      if (!isRefusedForNow(error) || (error.waitMs ?? 0) > pauseMs) throw error
    }
    await delay(pauseMs)
  }
  await send()
}

/** 412: something else is under way in this conversation. Neither was done. */
function isRefusedForNow(error: unknown): error is ConnectorRefusal {
  return error instanceof ConnectorRefusal && (error.status === 412 || error.status === 429)
}
