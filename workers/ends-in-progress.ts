import { type RunIfRoom, runIfRoom } from '../src/async.ts'

/**
 * Early ends of one account that this process carries out at once. With a limit, an account that hangs leaves room in
 * the queue for the others.
 */
const MAX_IN_ACCOUNT = 5

/** The ends that one process is carrying out now. Made once, where the process starts. */
export interface EndsUnderWay {
  /** Runs revocations of early ends, a limited number at once for each account. */
  readonly early: RunIfRoom
  /** The run over all grants whose time is over, while there is one. */
  onTime: Promise<Expired> | undefined
}

export function endsUnderWay(): EndsUnderWay {
  return { early: runIfRoom(MAX_IN_ACCOUNT), onTime: undefined }
}

/** Ids of the grants that were ended. `busy`: another process is ending them. */
export type Expired = ReadonlySet<string> | 'busy'
