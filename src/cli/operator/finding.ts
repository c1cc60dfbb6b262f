import { isLatchkeyError, LatchkeyError } from '../../errors.ts'
import { Problem } from '../problem.ts'
import { print, wrapped } from './print.ts'

/** The result of one check of `latchkey doctor`. */
export interface Finding {
  readonly area: string
  /** `note`: worth knowing, but not a fault of Latchkey. `unknown`: the check could not be made. */
  readonly state: 'ok' | 'wrong' | 'note' | 'unknown'
  readonly says: string
  readonly next?: string
}

const SIGNS = { ok: '✓', wrong: '✗', note: '!', unknown: '?' } as const

/**
 * Runs one check. A check that fails becomes an `unknown` finding with the reason, so that the other checks still run.
 */
export async function runCheck(area: string, check: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
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

/** The message of an error of a library may contain a secret. Its name does not. */
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
