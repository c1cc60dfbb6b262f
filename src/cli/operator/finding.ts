import { isLatchkeyError, LatchkeyError } from '../../errors.ts'
import { Problem } from '../problem.ts'
import { print, wrapped } from './print.ts'

/** One thing that doctor looked at. `note`: worth knowing, and nothing is wrong with Latchkey. `unknown`: it could not be looked at. */
export interface Finding {
  readonly area: string
  readonly state: 'ok' | 'wrong' | 'note' | 'unknown'
  readonly says: string
  readonly next?: string
}

const SIGNS = { ok: '✓', wrong: '✗', note: '!', unknown: '?' } as const

/** A check that cannot be made says why, and keeps no other from being made. */
export async function look(area: string, check: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await check()
  } catch (error) {
    const says = isLatchkeyError(error, 'AWS_REFUSED')
      ? `AWS refused ${error.facts.doing} (${error.facts.awsCode}).`
      : `It could not be looked at: ${reasonOf(error)}`
    return [
      { area, state: 'unknown', says, next: 'See that you may read it and reach it from here, and run doctor again.' },
    ]
  }
}

/** What libraries say may hold a secret; their names do not. */
function reasonOf(error: unknown): string {
  if (error instanceof LatchkeyError || error instanceof Problem) return error.message
  return error instanceof Error ? `${error.name}.` : 'no reason was given.'
}

export function printFindings(findings: readonly Finding[]): void {
  let area = ''
  for (const one of findings) {
    if (one.area !== area) print(`\n${one.area}`)
    area = one.area
    const [first = '', ...rest] = wrapped(one.says, 4)
    print(`  ${SIGNS[one.state]} ${first.trim()}`)
    for (const line of rest) print(line)
    if (one.next !== undefined) for (const line of wrapped(`→ ${one.next}`, 4)) print(line)
  }
}
