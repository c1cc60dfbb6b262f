import { type RunIfRoom, runIfRoom } from '../src/async.ts'

/** So many early ends of one account are carried out at once in this process: one that hangs leaves room in the queue for the others. */
const AT_ONCE_IN_ACCOUNT = 5

/** What one process is ending now. Made once, where the process starts. */
export interface EndsUnderWay {
  /** Early ends, by account. */
  readonly early: RunIfRoom
  /** All ends whose time has come. */
  onTime: Promise<Expired> | undefined
}

export function endsUnderWay(): EndsUnderWay {
  return { early: runIfRoom(AT_ONCE_IN_ACCOUNT), onTime: undefined }
}

/** Ids of those that were ended. `busy`: another process is at it. */
export type Expired = ReadonlySet<string> | 'busy'
