import { createInterface } from 'node:readline'
import { Problem } from '../problem.ts'

/** @throws Problem unless the person at this terminal answers yes */
export async function agree(question: string): Promise<void> {
  if (!process.stdin.isTTY) {
    throw new Problem('Nothing was changed: there is nobody to ask here. Look at what is printed above, and add --yes.')
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const answer = await new Promise<string>((resolve) => {
    // Ctrl-C or Ctrl-D closes it without an answer.
    terminal.once('close', () => resolve(''))
    terminal.question(`${question} [y/N] `, resolve)
  })
  terminal.close()
  if (!/^y(es)?$/i.test(answer.trim())) throw new Problem('Nothing was changed.')
}
