import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { ServiceHandler } from './call.ts'
import { AwsError, type Call, type Identity, type Outcome, type SandboxRequest } from './call.ts'
import { isoSeconds } from './clock.ts'
import type { SandboxCore } from './core.ts'
import { findKey } from './sigv4.ts'
import type { Session } from './state.ts'

/** The console's sign-in federation endpoint (IAM User Guide, "Enabling custom identity broker access to the AWS console"). */

const TOKEN_LASTS_MS = 15 * 60_000

interface SigninToken {
  readonly identity: SessionIdentity
  readonly madeAt: number
  /** The time at which the console signs the person out. */
  readonly endsAt: number
}

type SessionIdentity = Extract<Identity, { type: 'session' }>

/** The unused tokens; each is valid for one sign-in. */
type Tokens = Map<string, SigninToken>

const ACTIONS: Readonly<Record<string, string>> = { getSigninToken: 'GetSigninToken', login: 'ConsoleLogin' }

export function isSignin({ method, rawPath, headers }: SandboxRequest): boolean {
  return method === 'GET' && rawPath === '/federation' && headers.authorization === undefined
}

export function signinService(core: SandboxCore): ServiceHandler {
  const tokens: Tokens = new Map()
  return {
    service: 'signin',
    describe(request) {
      const query = queryOf(request)
      const action = ACTIONS[query.get('Action') ?? '']
      if (action === undefined) throw refused('The parameter Action is getSigninToken or login.')
      const told = ['SessionDuration', 'Destination', 'Issuer'].flatMap((name) => {
        const value = query.get(name)
        return value === null ? [] : [[name, value] as const]
      })
      return { service: 'signin', action, parameters: Object.fromEntries(told) }
    },
    authenticate(request) {
      const query = queryOf(request)
      if (query.get('Action') === 'getSigninToken') return credentialsIn(core, query.get('Session') ?? '')
      const held = tokens.get(query.get('SigninToken') ?? '')
      if (held === undefined) throw refused('The sign-in token is not known, or was used.')
      if (core.clock.now() >= held.madeAt + TOKEN_LASTS_MS) throw refused('The sign-in token is over.')
      return held.identity
    },
    handle(call) {
      return call.action === 'GetSigninToken' ? getSigninToken(core, tokens, call) : login(tokens, call)
    },
    renderError: ({ status, message }) => page(status, 'Amazon Web Services Sign-In', [message]),
  }
}

function queryOf({ rawQuery }: SandboxRequest): URLSearchParams {
  return new URLSearchParams(rawQuery)
}

const SESSION = z.object({ sessionId: z.string(), sessionKey: z.string(), sessionToken: z.string() })

/** Accepts only complete temporary credentials that have not expired. */
function credentialsIn({ state, clock }: SandboxCore, text: string): SessionIdentity {
  const parsed = SESSION.safeParse(jsonOf(text))
  if (!parsed.success) throw refused('Session is the JSON of sessionId, sessionKey and sessionToken.')
  const found = findKey(state, parsed.data.sessionId)
  const right =
    found?.identity.type === 'session' &&
    found.secret === parsed.data.sessionKey &&
    found.session?.sessionToken === parsed.data.sessionToken
  if (!right || found.identity.type !== 'session') throw refused('The session credentials are not valid.')
  if (found.identity.session.expiresAt <= clock.now()) throw refused('The session credentials are over.')
  return found.identity
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function getSigninToken({ state, clock }: SandboxCore, tokens: Tokens, { identity, parameters }: Call): Outcome {
  if (identity.type !== 'session') throw refused('The session credentials are not valid.')
  const { session } = identity
  const now = clock.now()
  const asked = parameters.SessionDuration
  const most = state.accounts.get(identity.account)?.roles.get(session.roleName)?.maxSessionSeconds ?? 0
  const endsAt = asked === undefined ? session.expiresAt : now + durationMs(String(asked), session, most)
  const token = randomBytes(120).toString('base64url')
  tokens.set(token, { identity, madeAt: now, endsAt })
  const headers = { 'content-type': 'application/json' }
  return { reply: { status: 200, headers, body: JSON.stringify({ SigninToken: token }) } }
}

/** "If your credentials come from role chaining, do not use this parameter: the call fails." */
function durationMs(text: string, { chained }: Session, mostSeconds: number): number {
  if (chained) throw refused('SessionDuration is not allowed for credentials that come from role chaining.')
  const seconds = Number(text)
  if (!Number.isInteger(seconds) || seconds < 900 || seconds > mostSeconds) {
    throw refused(`SessionDuration is from 900 to ${mostSeconds} seconds for this role.`)
  }
  return seconds * 1000
}

const CONSOLE =
  /^https:\/\/([a-z0-9-]+\.)*(console\.aws\.amazon\.com|console\.amazonaws-us-gov\.com|console\.amazonaws\.cn)$/

function login(tokens: Tokens, { request, parameters }: Call): Outcome {
  const destination = String(parameters.Destination ?? '')
  if (!URL.canParse(destination) || !CONSOLE.test(new URL(destination).origin)) {
    throw refused('Destination is an address of the console.')
  }
  const token = queryOf(request).get('SigninToken') ?? ''
  const held = tokens.get(token)
  tokens.delete(token)
  if (held === undefined) throw refused('The sign-in token is not known, or was used.')
  const lines = [
    `Signed in as ${held.identity.arn}`,
    `until ${isoSeconds(held.endsAt)}`,
    `at ${destination}`,
    'The sandbox has no console behind this page.',
  ]
  return { reply: page(200, 'AWS Management Console', lines) }
}

function page(status: number, title: string, lines: readonly string[]) {
  const paragraphs = lines.map((line) => `<p>${escapeHtml(line)}</p>`).join('\n')
  const body = `<!doctype html>\n<html lang="en">\n<title>${title}</title>\n<h1>${title}</h1>\n${paragraphs}\n</html>\n`
  return { status, headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }, body }
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`)
}

function refused(message: string): AwsError {
  return new AwsError('BadRequest', 400, message)
}
