import type { Caller } from '../../rules/caller.ts'
import { parseScope, type Scope } from '../../rules/scope.ts'
import type { Credentials } from '../driver.ts'
import { type VendDeps, vendFor } from './vend-credentials.ts'

/** AWS accepts a console sign-in link for 15 minutes. */
const LINK_MS = 15 * 60_000

/** Port: makes sign-in links to AWS's console from credentials. @throws AWS_REFUSED or UNAVAILABLE */
export interface ConsoleLinks {
  /** A link that opens the console at the scope. Secret: it signs in anyone who has it. */
  open(credentials: Credentials, scope: Scope): Promise<string>
}

export interface ConsoleDeps extends VendDeps {
  readonly consoleLinks: ConsoleLinks
}

/** Secret: it may go to the caller only. */
export interface SecretLink {
  readonly url: string
  /** ISO 8601; never after the grant's end. */
  readonly expiresAt: string
}

/** A link that signs the requester of an active grant in to AWS's console, with exactly the access of the grant. */
export async function consoleSignIn(deps: ConsoleDeps, caller: Caller, grantId: string): Promise<SecretLink> {
  const { stored, credentials, nowMs } = await vendFor(deps, caller, grantId, { as: 'console' })
  const [first = ''] = stored.grant.terms.scopes
  const url = await deps.consoleLinks.open(credentials, parseScope(first))
  const expiresAt = new Date(Math.min(Date.parse(credentials.expiresAt), nowMs + LINK_MS)).toISOString()
  return { url, expiresAt }
}
