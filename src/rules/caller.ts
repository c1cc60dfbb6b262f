/** The person who makes a call, read from a verified token. Nothing else in the program identifies a person. */
export interface Caller {
  readonly tenantId: string
  /** Entra object id. */
  readonly objectId: string
  readonly name: string
  /** App roles, as `Latchkey.Owner`. */
  readonly roles: readonly string[]
  /** The registered client that the token was issued to. */
  readonly clientId: string
  /** Whether the token says that the person signed in with a second factor. */
  readonly mfa?: boolean
  /** IP address of the client, for the audit. */
  readonly address: string
}

export const OWNER_ROLE = 'Latchkey.Owner'
