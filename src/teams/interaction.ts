import { setTimeout as delay } from 'node:timers/promises'
import type { TurnContext } from 'botbuilder'
import type { Interaction } from '../interactions/interaction.ts'
import { ConnectorRefusal } from './connector-client.ts'
import { cardActivity, textActivity } from './outgoing-activity.ts'
import type { Sender } from './parse-activity.ts'

/** Pauses between tries to reply. About two seconds in all, since a person is waiting. */
const PAUSES_MS = [200, 600, 1_200]

/** The interaction for the bot, which replies through the SDK. */
export function interactionIn(context: TurnContext, { caller, conversation }: Sender): Interaction {
  return {
    caller,
    conversation,
    async reply(answer) {
      const activity = () => (typeof answer === 'string' ? textActivity(answer) : cardActivity(answer))
      await retryRefused(() => context.sendActivity(activity()))
    },
  }
}

async function retryRefused(send: () => Promise<unknown>): Promise<void> {
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

/** 412: another operation is under way in this conversation. 429: too many. In both cases nothing was done. */
function isRefusedForNow(error: unknown): error is ConnectorRefusal {
  return error instanceof ConnectorRefusal && (error.status === 412 || error.status === 429)
}
