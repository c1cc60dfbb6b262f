import type { ConversationReference } from 'botbuilder'
import { type Conversation, conversation } from '../messages/message.ts'

/**
 * Converts between the SDK's conversation references and ours. In a channel the conversation's id includes the thread.
 */

export function referenceOf(from: Conversation, appId: string): Partial<ConversationReference> {
  const { serviceUrl, conversationId, conversationType, tenantId, userId } = from
  return {
    channelId: 'msteams',
    serviceUrl,
    bot: { id: `28:${appId}`, name: '' },
    conversation: {
      id: conversationId,
      conversationType,
      isGroup: conversationType !== 'personal',
      tenantId,
      name: '',
    },
    ...(userId === undefined ? {} : { user: { id: userId, name: '' } }),
  }
}

/** The fields of a conversation reference or an activity that make a conversation. */
interface ConversationFields {
  readonly serviceUrl?: unknown
  readonly conversation?: { readonly id?: unknown; readonly conversationType?: unknown; readonly tenantId?: unknown }
  readonly user?: { readonly id: string } | undefined
}

/** @returns undefined if a field is missing that is needed to send a message */
export function conversationOf({ serviceUrl, conversation: of, user }: ConversationFields): Conversation | undefined {
  return conversation.safeParse({
    v: 1,
    serviceUrl,
    conversationId: of?.id,
    conversationType: of?.conversationType,
    tenantId: of?.tenantId,
    ...(user === undefined ? {} : { userId: user.id }),
  }).data
}
