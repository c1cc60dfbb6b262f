import type { RenderedCard } from '../messages/message-sender.ts'
import { compileTemplate } from './template.ts'

const fill = compileTemplate('help')

const COMMANDS = [
  { command: 'request', meaning: 'A form with what you may ask for.' },
  {
    command: 'request write s3://finance-reports/2026/ for 45m because month-end fix',
    meaning: 'The same in one line: levels, scope, duration, reason.',
  },
  { command: 'my access', meaning: 'What you have, what you asked for, and what waits for your decision.' },
  { command: 'extend for 1h because …', meaning: 'Asks for more time, counted from the yes.' },
  { command: 'done', meaning: 'Ends your access early.' },
  { command: 'cancel r-…', meaning: 'Takes back a request that waits.' },
  { command: 'help', meaning: 'This card.' },
]

export function renderHelp(): RenderedCard {
  return { card: fill({ commands: COMMANDS }), summary: 'What Latchkey understands' }
}
