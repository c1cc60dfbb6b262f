import type { Message } from './channel.ts'
import { compileTemplate } from './template.ts'

const fill = compileTemplate('help')

export function renderHelp(): Message {
  return { card: fill({}), summary: 'What Latchkey understands' }
}
