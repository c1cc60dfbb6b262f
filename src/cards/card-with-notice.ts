import { z } from 'zod'
import { textRuns } from '../views/safe-text.ts'

const body = z.looseObject({ body: z.array(z.unknown()).default([]) })

/** Puts a sentence above the card, for the person who clicked: it says why the click did not change the request. */
export function withNotice(card: object, sentence: string): object {
  const notice = { type: 'RichTextBlock', inlines: textRuns(sentence, { weight: 'Bolder' }) }
  const parsed = body.parse(card)
  return { ...parsed, body: [notice, ...parsed.body] }
}
