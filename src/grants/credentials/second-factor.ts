import { LatchkeyError } from '../../errors.ts'
import type { Caller } from '../../rules/caller.ts'
import type { Grant } from '../grant.ts'

/** The second factor is Entra's, and AWS never sees it: it is asked for where credentials leave us. */
export function refuseWithoutSecondFactor({ terms }: Pick<Grant, 'terms'>, { mfa }: Pick<Caller, 'mfa'>): void {
  if (terms.conditions?.mfa !== true || mfa === true) return
  throw new LatchkeyError('NOT_SIGNED_IN', { lacks: 'second-factor' })
}
