import type { Message } from './channel.ts'
import type { Shown } from './shown.ts'
import { compileTemplate } from './template.ts'

const fill = compileTemplate('access')

export function renderAccess(mine: readonly Shown[], toReview: readonly Shown[], publicUrl: string): Message {
  return { card: fill({ mine: mine.length, toReview: toReview.length, url: publicUrl }), summary: 'Your access' }
}
