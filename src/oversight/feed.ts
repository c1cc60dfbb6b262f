/** Port: what Latchkey knows of its feed, the route by which CloudTrail records arrive. */
export interface Feed {
  /**
   * Notes that a CloudTrail record of this bucket has arrived, so the feed works for it.
   * @param at the time of the recorded call (`eventTime`, ISO 8601), not of its arrival
   */
  prove(bucket: string, at: string): Promise<void>
  /** Maps each bucket to the `at` that was noted last. */
  proven(): Promise<ReadonlyMap<string, string>>
  /** Notes that the self-test event with this nonce arrived. */
  noteArrival(nonce: string): Promise<void>
  hasArrived(nonce: string): Promise<boolean>
}

/** One region of an account whose wiring is not as `latchkey aws setup` makes it. */
export interface RegionDrift {
  readonly account: string
  readonly region: string
  /** Each difference as a clause. */
  readonly differences: readonly string[]
}

/** Port: compares the wiring in AWS with what setup makes, in the regions that were set up. */
export interface FeedDriftCheck {
  drift(): Promise<readonly RegionDrift[]>
}
