import type { Activity } from 'botbuilder'
import type { RenderedCard } from '../messages/message-sender.ts'

/** What goes out. Never text and a card in one: Teams makes two messages of it and names neither. */

const CARD = 'application/vnd.microsoft.card.adaptive'

export function cardActivity({ card, summary }: RenderedCard): Partial<Activity> {
  return { type: 'message', summary, attachments: [{ contentType: CARD, content: card }] }
}

/** Plain: names, reasons and keys of S3 are text. */
export function textActivity(text: string): Partial<Activity> {
  return { type: 'message', text, textFormat: 'plain' }
}
