/** Who is asking, proven by a token that an edge has verified. Nothing else in the program says who somebody is. */
export interface Caller {
  readonly tenantId: string
  /** Entra object id. */
  readonly objectId: string
  readonly name: string
  /** App roles, as `Latchkey.Owner`. */
  readonly roles: readonly string[]
  /** The registered client that the token was issued to. */
  readonly clientId: string
  /** The token says that they signed in with a second factor. */
  readonly mfa?: boolean
  /** Where the call came from, for the audit. */
  readonly address: string
}

export const OWNER_ROLE = 'Latchkey.Owner'
