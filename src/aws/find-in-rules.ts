import { LatchkeyError } from '../errors.ts'
import type { Account, Bucket, Rules } from '../rules/rules.ts'
import type { Scope } from '../rules/scope.ts'

/** Looks up what a request or grant names. The rules may have changed since it was made, so it may be missing. */

/** @param id Twelve digits. @throws NOT_ELIGIBLE when the rules do not name it. */
export function findAccount(accounts: Rules['accounts'], id: string): Account {
  const account = [...accounts.values()].find((one) => one.id === id)
  if (account) return account
  throw notInRules(`account ${id}`)
}

/** The one bucket of the scopes. @throws NOT_ELIGIBLE when the rules do not name it. */
export function findBucket(buckets: Rules['buckets'], scopes: readonly Scope[]): Bucket {
  const name = scopes[0]?.bucket ?? ''
  const bucket = buckets.get(name)
  if (bucket) return bucket
  throw notInRules(`bucket ${name}`)
}

function notInRules(what: string): LatchkeyError {
  return new LatchkeyError('NOT_ELIGIBLE', { reason: `The rules do not name ${what} (any more).`, mayAsk: [] })
}
