import { LatchkeyError } from '../../errors.ts'
import type { Caller } from '../../rules/caller.ts'
import { parseScope, type Scope } from '../../rules/scope.ts'
import type { Credentials } from '../driver.ts'
import type { GenuineGrant } from '../genuine-grant.ts'
import type { SecretLink } from './console-sign-in.ts'
import { type VendDeps, vendFor } from './vend-credentials.ts'

const LONGEST_LINK_MS = 15 * 60_000

export type LinkMethod = 'get' | 'put'

/** Port: signs one request for one object. It does not call AWS. */
export interface ObjectLinks {
  /** Secret: anyone who has the link may use it until it or the credentials expire. */
  sign(credentials: Credentials, order: LinkOrder): Promise<string>
}

export interface LinkOrder {
  readonly method: LinkMethod
  readonly object: Scope
  /** Ms since 1970, like `expiresAtMs`. */
  readonly nowMs: number
  readonly expiresAtMs: number
}

export interface LinkDeps extends VendDeps {
  readonly objectLinks: ObjectLinks
}

const LEVEL: Readonly<Record<LinkMethod, 'read' | 'write'>> = { get: 'read', put: 'write' }

/**
 * A link to the one object of an active grant. It is signed with the grant's own credentials, so it stops working when
 * they expire or the grant is revoked.
 * @throws BAD_INPUT when the grant reaches more than one object or lacks the level that the method needs
 */
export async function objectLink(
  deps: LinkDeps,
  caller: Caller,
  grantId: string,
  method: LinkMethod,
): Promise<SecretLink> {
  const refuseOther = (stored: GenuineGrant) => void oneObject(stored, method)
  const { stored, credentials, nowMs } = await vendFor(deps, caller, grantId, { as: 'link', refuseOther })
  const expiresAtMs = Math.min(Date.parse(credentials.expiresAt), nowMs + LONGEST_LINK_MS)
  const url = await deps.objectLinks.sign(credentials, {
    method,
    object: oneObject(stored, method),
    nowMs,
    expiresAtMs,
  })
  return { url, expiresAt: new Date(expiresAtMs).toISOString() }
}

/** @throws BAD_INPUT when the grant reaches more than one object or lacks the level that the method needs */
function oneObject({ grant }: GenuineGrant, method: LinkMethod): Scope {
  const { scopes, levels } = grant.terms
  const [object, ...others] = scopes.map(parseScope)
  if (!object || others.length > 0 || object.key === '' || object.key.endsWith('/')) {
    throw new LatchkeyError('BAD_INPUT', {
      problem:
        'There are links only for a grant of exactly one object, and this one reaches more. Use `latchkey profile`, or ask for the one object.',
    })
  }
  if (levels.includes(LEVEL[method])) return object
  const next =
    method === 'get' && levels.includes('write') ? 'It can upload: add `--put`, or ask for read.' : 'Ask for it.'
  throw new LatchkeyError('BAD_INPUT', {
    problem: `This grant does not allow ${LEVEL[method]}, which a link to ${method} the object needs. ${next}`,
  })
}
