import type { Message } from './channel.ts'
import type { Shown } from './shown.ts'
import { compileTemplate } from './template.ts'

/** `everybody`: the card that all in a conversation see; these people's clients (Teams' own ids) ask for a view of their own. */
export type CardReader =
  | { readonly part: 'requester' | 'approver' }
  | { readonly part: 'everybody'; readonly refreshFor: readonly string[] }

const fill = compileTemplate('request')

export function renderCard({ request }: Shown, reader: CardReader, publicUrl: string): Message {
  const url = `${publicUrl}/requests/${request.id}`
  return { card: fill({ id: request.id, url, part: reader.part }), summary: 'Access request' }
}
