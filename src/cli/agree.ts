import { once } from 'node:events'
import { createInterface } from 'node:readline/promises'
import { Problem } from './problem.ts'

/** @throws Problem unless somebody at this terminal says yes */
export async function agree(question: string): Promise<void> {
  if (!process.stdin.isTTY)
    throw new Problem('Nothing was changed: there is nobody to ask here. Look at what is printed above, and add --yes.')
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  // Ctrl-C and Ctrl-D close it without an answer.
  const closed = once(terminal, 'close').then(() => '')
  const answer = await Promise.race([terminal.question(`${question} [y/N] `), closed])
  terminal.close()
  if (!/^y(es)?$/i.test(answer.trim())) throw new Problem('Nothing was changed.')
}
