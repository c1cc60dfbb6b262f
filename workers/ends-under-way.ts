/** What one process is ending now. Made once, where the process starts. */
export interface EndsUnderWay {
  /** Early ends, by account. */
  readonly early: Map<string, number>
  /** All ends whose time has come. */
  onTime: Promise<Expired> | undefined
}

export function endsUnderWay(): EndsUnderWay {
  return { early: new Map(), onTime: undefined }
}

/** Ids of those that were ended. `busy`: another process is at it. */
export type Expired = ReadonlySet<string> | 'busy'
