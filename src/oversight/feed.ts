/** Port: what is known of the way by which CloudTrail records come to us. */
export interface Feed {
  /** A record of S3 came of that bucket at that time (ISO 8601): the way is proven for it. */
  prove(bucket: string, at: string): Promise<void>
  /** When the newest was seen to come, by bucket. */
  proven(): Promise<ReadonlyMap<string, string>>
  /** An event of the self-test came. */
  noteArrival(nonce: string): Promise<void>
  hasArrived(nonce: string): Promise<boolean>
}

/** One region of an account whose wiring is not as `latchkey aws setup` makes it. */
export interface RegionDrift {
  readonly account: string
  readonly region: string
  /** What differs, each as a clause. */
  readonly differences: readonly string[]
}

/** Port: compares what AWS holds with what setup makes, where something was ever set up. */
export interface FeedDriftCheck {
  drift(): Promise<readonly RegionDrift[]>
}
