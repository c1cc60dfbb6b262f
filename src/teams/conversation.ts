import type { ConversationReference } from 'botbuilder'
import { type Conversation, conversation } from '../messages/message.ts'

/** The SDK's conversation references and ours. In a channel the thread is part of the conversation's id. */

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

/** Throws where something is missing that a message cannot be sent without. */
export function conversationOf({ serviceUrl, conversation: of, user }: Partial<ConversationReference>): Conversation {
  return conversation.parse({
    v: 1,
    serviceUrl,
    conversationId: of?.id,
    conversationType: of?.conversationType,
    tenantId: of?.tenantId,
    ...(user === undefined ? {} : { userId: user.id }),
  })
}
