import { randomBytes } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Caller } from '../rules/caller.ts'
import { RECORD_ID } from '../store/ids.ts'
import { type SealedCookie, sealedCookie } from './sealed-cookie.ts'

const SESSION_SECONDS = 45 * 60
/** Long enough for a second factor and a forgotten password. */
export const SIGN_IN_SECONDS = 15 * 60

/** A sign-in returns only to such a path of this origin, never to a URL. */
const RETURN_PATH = /^\/requests\/(r-[0-9a-z]{12})$/

const session = z.strictObject({
  tenantId: z.string(),
  objectId: z.guid(),
  name: z.string(),
  /** The person signed in with a second factor. */
  mfa: z.literal(true).optional(),
  /** The token that each form of this session must send. */
  csrf: z.string().min(43),
})

const signInUnderWay = z.strictObject({
  state: z.string().min(1),
  nonce: z.string().min(1),
  codeVerifier: z.string().min(1),
  returnPath: z.string().refine(isReturnPath),
})

export type Session = z.infer<typeof session>

export interface Cookies {
  readonly session: SealedCookie<Session>
  /** Lives while the browser is at Entra. */
  readonly signIn: SealedCookie<z.infer<typeof signInUnderWay>>
}

export function openCookies(at: { readonly secrets: readonly string[]; readonly publicUrl: string }): Cookies {
  return {
    session: sealedCookie({ ...at, name: 'latchkey-session', schema: session, lifetimeSeconds: SESSION_SECONDS }),
    signIn: sealedCookie({ ...at, name: 'latchkey-sign-in', schema: signInUnderWay, lifetimeSeconds: SIGN_IN_SECONDS }),
  }
}

export function newSession(who: Omit<Session, 'csrf'>): Session {
  const { tenantId, objectId, name, mfa } = who
  return { tenantId, objectId, name, ...(mfa && { mfa }), csrf: randomBytes(32).toString('base64url') }
}

/** The caller has no app roles: a cookie could hold a role that Entra has removed meanwhile, and no page needs one. */
export function callerOf(
  { tenantId, objectId, name, mfa }: Session,
  clientId: string,
  request: FastifyRequest,
): Caller {
  return { tenantId, objectId, name, roles: [], clientId, ...(mfa && { mfa }), address: request.ip }
}

function isReturnPath(path: string): boolean {
  return RECORD_ID.test(RETURN_PATH.exec(path)?.[1] ?? '')
}
