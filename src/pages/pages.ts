import formbody from '@fastify/formbody'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isLatchkeyError, LatchkeyError } from '../errors.ts'
import { type Problem, problemPage } from './layout.ts'
import { PageProblem } from './page-problem.ts'
import type { PagesContext, PagesDeps } from './pages-deps.ts'
import { requestRoutes } from './request-routes.ts'
import { openCookies } from './session.ts'
import { signInRoutes } from './sign-in-routes.ts'
import { POLICY } from './style.ts'

/** Pages for browsers: sign-in with Entra, sealed cookies, and forms that are accepted only from these pages. */

const HEADERS = {
  'content-security-policy': POLICY,
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-robots-tag': 'noindex',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const

const NOT_FOUND =
  'There is no such request, or it is not yours to see. Check the link, or sign in as the person whom it was sent to.'
const HTML = 'text/html; charset=utf-8'

export function pages(app: FastifyInstance, deps: PagesDeps): void {
  const context: PagesContext = { ...deps, cookies: openCookies(deps) }
  app.register(async (scope) => {
    // Only these routes accept form bodies. Any site can make a browser post a form, and only these routes check where
    // it came from.
    scope.removeAllContentTypeParsers()
    await scope.register(formbody)
    scope.addHook('onRequest', async (_request, reply) => {
      reply.headers(HEADERS).type(HTML)
    })
    scope.setErrorHandler((error: FastifyError, request, reply) => showProblem(context, error, request, reply))
    signInRoutes(scope, context)
    requestRoutes(scope, context)
  })
}

async function showProblem(context: PagesContext, error: FastifyError, request: FastifyRequest, reply: FastifyReply) {
  if (error instanceof PageProblem) context.metrics.refusedUnknown()
  const problem = problemOf(error) ?? unexpectedProblem(request, error)
  const session = error instanceof PageProblem ? undefined : await context.cookies.session.read(request)
  if (problem.retryAfterSeconds !== undefined) reply.header('retry-after', problem.retryAfterSeconds)
  return reply.code(problem.status).headers(HEADERS).type(HTML).send(problemPage(problem, session))
}

function problemOf(error: FastifyError): Problem | undefined {
  if (error instanceof PageProblem) return error.problem
  if (error instanceof LatchkeyError) {
    const { httpStatus: status, code, message: sentence } = error
    if (code === 'NOT_FOUND') return { status, title: 'Nothing to see here', sentence: NOT_FOUND }
    if (isLatchkeyError(error, 'UNAVAILABLE')) {
      return { status, title: 'Not at the moment', sentence, retryAfterSeconds: error.facts.retryAfterSeconds }
    }
    return { status, title: 'That did not work', sentence }
  }
  // Refusals of fastify itself: the body is too long, or is not a form.
  const status = error.statusCode ?? 500
  if (status < 400 || status >= 500) return undefined
  return {
    status,
    title: 'That did not work',
    sentence: 'The form cannot be read. Open the request again and decide there.',
  }
}

function unexpectedProblem(request: FastifyRequest, error: FastifyError): Problem {
  request.log.error({ err: error }, 'request failed')
  const sentence = `Nothing is known to be changed. Try again; if it stays, tell the operator the reference ${request.id}.`
  return { status: 500, title: 'Something went wrong here', sentence }
}
