/** What a handler says when it is through: nothing more to do, or to be run again not before this Redis time (ms). */
export interface JobOutcome {
  readonly againAt?: number
}

/** When somebody else holds the lease. */
export const RUN_AGAIN_MS = 250
