import type { Activity } from 'botbuilder'
import type { RenderedCard } from '../messages/message-sender.ts'

/**
 * Activities that the bot sends. Never text and a card in one: Teams makes two messages of it, and returns the id of
 * neither.
 */

const CARD = 'application/vnd.microsoft.card.adaptive'

export function cardActivity({ card, summary }: RenderedCard): Partial<Activity> {
  return { type: 'message', summary, attachments: [{ contentType: CARD, content: card }] }
}

/** Plain text, since names, reasons and S3 keys must not be read as Markdown. */
export function textActivity(text: string): Partial<Activity> {
  return { type: 'message', text, textFormat: 'plain' }
}
