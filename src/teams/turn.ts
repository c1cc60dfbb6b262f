import { setTimeout as delay } from 'node:timers/promises'
import { TurnContext } from 'botbuilder'
import type { Interaction } from '../interactions/interaction.ts'
import type { Caller } from '../rules/caller.ts'
import { ConnectorRefusal } from './connector-client.ts'
import { conversationOf } from './conversation.ts'
import { cardActivity, textActivity } from './outgoing-activity.ts'

/** Somebody waits: what Teams refuses for the moment is tried again for about two seconds, and no longer. */
const PAUSES_MS = [200, 600, 1_200]

export function turnOf(context: TurnContext, caller: Caller): Interaction {
  const reference = TurnContext.getConversationReference(context.activity)
  const { tenantId } = caller
  // The tenant may stand in the channel's data only; the door has compared both.
  const of = reference.conversation && { ...reference.conversation, tenantId }
  return {
    caller,
    activityId: context.activity.id,
    conversation: conversationOf({ ...reference, ...(of && { conversation: of }) }),
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
