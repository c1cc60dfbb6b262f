import type { Caller } from '../../rules/caller.ts'
import { parseScope, type Scope } from '../../rules/scope.ts'
import type { Credentials } from '../driver.ts'
import { type VendDeps, vendFor } from './vend-credentials.ts'

/** As long as AWS takes a sign-in link. */
const LINK_MS = 15 * 60_000

/** Port: AWS's console for somebody who has credentials. @throws AWS_REFUSED or UNAVAILABLE */
export interface ConsoleLinks {
  /** Opens the console where the scope is. Secret: whoever has the link is signed in. */
  open(credentials: Credentials, scope: Scope): Promise<string>
}

export interface ConsoleDeps extends VendDeps {
  readonly consoleLinks: ConsoleLinks
}

/** Secret: goes to the caller and nowhere else. */
export interface SecretLink {
  readonly url: string
  /** ISO 8601; never after the grant's end. */
  readonly expiresAt: string
}

/** A link that signs the requester of an active grant in to AWS's console, with exactly the grant. */
export async function consoleSignIn(deps: ConsoleDeps, caller: Caller, grantId: string): Promise<SecretLink> {
  const { stored, credentials, nowMs } = await vendFor(deps, caller, grantId, { as: 'console' })
  const [first = ''] = stored.grant.terms.scopes
  const url = await deps.consoleLinks.open(credentials, parseScope(first))
  const expiresAt = new Date(Math.min(Date.parse(credentials.expiresAt), nowMs + LINK_MS)).toISOString()
  return { url, expiresAt }
}
