import type { ReviewDeps } from '../access-requests/review/review-access-request.ts'
import type { ReadViewDeps } from '../views/read-view.ts'
import type { Cookies } from './session.ts'

/**
 * Port: a sign-in with Entra. The browser goes to Entra between `begin` and `finish`.
 * An answer of Entra that belongs to another sign-in is refused, so that nobody can sign a person in as somebody else.
 */
export interface SignIn {
  /** The link that the browser goes to, and what `finish` needs again. */
  begin(): Promise<{ readonly link: string; readonly started: Started }>
  /**
   * @param query The query string with which the browser came back
   * @throws NOT_SIGNED_IN, UNAVAILABLE
   */
  finish(query: string, started: Started): Promise<SignedIn>
}

export interface Started {
  readonly state: string
  readonly nonce: string
  readonly codeVerifier: string
}

export interface SignedIn {
  readonly tenantId: string
  readonly objectId: string
  readonly name: string
  /** The sign-in met `ENTRA_MFA_CONTEXT`, which demands a second factor. */
  readonly mfa?: true
}

interface PagesOwnDeps {
  readonly publicUrl: string
  /** `LATCHKEY_SECRET`, the current one first. */
  readonly secrets: readonly string[]
  /** The Entra registration that people sign in to. */
  readonly clientId: string
  readonly signIn: SignIn
  readonly metrics: { refusedUnknown(): void }
}

export type PagesDeps = ReviewDeps & ReadViewDeps & PagesOwnDeps

/** What all page routes are given. */
export type PagesContext = PagesDeps & { readonly cookies: Cookies }
