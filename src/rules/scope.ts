/** A bucket (`key` empty), a prefix (`key` ends in `/`), or one whole object key. */
export interface Scope {
  readonly bucket: string
  readonly key: string
}
