import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import { PageProblem } from './page-problem.ts'
import type { PagesContext } from './pages-deps.ts'
import { isSameOrigin } from './same-origin.ts'
import type { Session } from './session.ts'

const sessions = new WeakMap<FastifyRequest, Session>()

/**
 * A hook that runs before the body is read. It accepts a form only from a page of this origin and only with a valid
 * session.
 * @throws PageProblem 403 for another origin, 401 without a session
 */
export function demandForm({ cookies, publicUrl }: PagesContext): onRequestAsyncHookHandler {
  return async function checkForm(request, reply) {
    const session = await cookies.session.read(request)
    const problem = isSameOrigin(request, publicUrl) ? undefined : PageProblem.foreignForm()
    if (session !== undefined && problem === undefined) {
      sessions.set(request, session)
      return
    }
    // The body stays unread. Without this header node would read all of it, to keep the connection open.
    reply.header('connection', 'close')
    throw problem ?? signedOut()
  }
}

/** The session that `demandForm` has read. */
export function sessionOf(request: FastifyRequest): Session {
  const session = sessions.get(request)
  if (session === undefined) throw signedOut()
  return session
}

function signedOut(): PageProblem {
  return new PageProblem({
    status: 401,
    title: 'You are not signed in any more',
    sentence: 'Nothing was changed. Open the link from your mail again, sign in, and decide there.',
  })
}
