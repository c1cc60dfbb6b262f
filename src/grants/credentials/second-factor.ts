import { LatchkeyError } from '../../errors.ts'
import type { Caller } from '../../rules/caller.ts'
import type { Grant } from '../grant.ts'

/**
 * Entra checks the second factor and AWS never sees it, so it is required where Latchkey hands out credentials.
 * @throws NOT_SIGNED_IN
 */
export function refuseWithoutSecondFactor({ terms }: Pick<Grant, 'terms'>, { mfa }: Pick<Caller, 'mfa'>): void {
  if (terms.conditions?.mfa !== true || mfa === true) return
  throw new LatchkeyError('NOT_SIGNED_IN', { lacks: 'second-factor' })
}
