import { z } from 'zod'
import { textRuns } from '../views/safe-text.ts'

const body = z.looseObject({ body: z.array(z.unknown()).default([]) })

/** The card with a sentence above it, for whoever clicked: why it is not what they meant to make of it. */
export function withNotice(card: object, sentence: string): object {
  const notice = { type: 'RichTextBlock', inlines: textRuns(sentence, { weight: 'Bolder' }) }
  const parsed = body.parse(card)
  return { ...parsed, body: [notice, ...parsed.body] }
}
