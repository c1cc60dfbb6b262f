import { LatchkeyError } from '../errors.ts'
import type { Rules } from '../rules/rules.ts'
import type { Scope } from '../rules/scope.ts'

/** The region of the scope's bucket. @throws NOT_ELIGIBLE when the rules do not name the bucket */
export function regionOf(buckets: Rules['buckets'], { bucket }: Scope): string {
  const region = buckets.get(bucket)?.region
  if (region !== undefined) return region
  throw new LatchkeyError('NOT_ELIGIBLE', { reason: `The rules do not name bucket ${bucket} any more.`, mayAsk: [] })
}
