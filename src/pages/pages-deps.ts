import type { ReviewDeps } from '../access-requests/review/review-access-request.ts'
import type { ReadViewDeps } from '../views/read-view.ts'
import type { Cookies } from './session.ts'

/**
 * Port: how somebody proves to Entra who they are, in two halves with the browser's journey between them. Entra's answer to somebody
 * else's question signs nobody in: neither a stranger as us, nor us as a stranger.
 */
export interface SignIn {
  begin(): Promise<{ readonly link: string; readonly started: Started }>
  /** @throws NOT_SIGNED_IN, UNAVAILABLE */
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
  /** They signed in with a second factor. */
  readonly mfa?: true
}

interface PagesOwnDeps {
  readonly publicUrl: string
  /** `LATCHKEY_SECRET`, the current one first. */
  readonly secrets: readonly string[]
  /** Of the registration that people sign in to. */
  readonly clientId: string
  readonly signIn: SignIn
  readonly metrics: { refusedUnknown(): void }
}

export type PagesDeps = ReviewDeps & ReadViewDeps & PagesOwnDeps

/** What the routes share. */
export type PagesContext = PagesDeps & { readonly cookies: Cookies }
