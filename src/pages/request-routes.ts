import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { AccessRequest } from '../access-requests/access-request.ts'
import { reviewAccessRequest } from '../access-requests/review/review-access-request.ts'
import { LatchkeyError } from '../errors.ts'
import { isSameSecret } from '../mac.ts'
import type { Caller } from '../rules/caller.ts'
import { RECORD_ID } from '../store/ids.ts'
import { readView } from '../views/read-view.ts'
import { demandForm, sessionOf } from './csrf.ts'
import { PageProblem } from './page-problem.ts'
import type { PagesContext } from './pages-deps.ts'
import { LONGEST_COMMENT, type RequestPage, requestPage } from './request-page.ts'
import { callerOf, type Session } from './session.ts'
import { leaveToSignIn } from './sign-in-routes.ts'

const idParams = z.object({ id: z.string().regex(RECORD_ID).startsWith('r-') })

/** Browsers send a line break as two characters but count it as one against `maxlength`. */
const text = z.string().transform((value) => value.replaceAll('\r\n', '\n').trim())

const reviewForm = z.object({
  csrf: z.string(),
  version: z.string().min(1).max(100),
  decision: z.enum(['approve', 'deny']),
  comment: text.pipe(z.string().max(LONGEST_COMMENT)),
})

/** The page that mails link to. GET changes nothing, whatever its query says; only the form decides. */
export function requestRoutes(app: FastifyInstance, context: PagesContext): void {
  app.get('/requests/:id', async (request, reply) => {
    const id = idOf(request)
    const session = await context.cookies.session.read(request)
    if (session === undefined) return await leaveToSignIn(context, reply, `/requests/${id}`)
    return await show(context, session, callerOf(session, context.clientId, request), id)
  })

  app.post('/requests/:id', { onRequest: demandForm(context) }, async (request, reply) => {
    const id = idOf(request)
    const session = sessionOf(request)
    const caller = callerOf(session, context.clientId, request)
    const { csrf, ...review } = formOf(request.body)
    if (!isSameSecret(csrf, session.csrf)) throw PageProblem.foreignForm()
    try {
      await reviewAccessRequest(context, caller, id, review)
    } catch (error) {
      if (!(error instanceof LatchkeyError)) throw error
      return await showRefusal(context, session, caller, id, { error, comment: review.comment }, reply)
    }
    return reply.redirect(`/requests/${id}`, 303)
  })
}

function idOf({ params }: FastifyRequest): string {
  const parsed = idParams.safeParse(params)
  if (!parsed.success) throw new LatchkeyError('NOT_FOUND', { thing: 'request' })
  return parsed.data.id
}

function formOf(body: unknown): z.output<typeof reviewForm> {
  const parsed = reviewForm.safeParse(body)
  if (parsed.success) return parsed.data
  const problem = parsed.error.issues.some(({ path }) => path[0] === 'comment')
    ? `A comment has at most ${LONGEST_COMMENT} characters. Go back and shorten it.`
    : 'The form came incomplete. Open the request again and decide there.'
  throw new LatchkeyError('BAD_INPUT', { problem })
}

type Refused = Pick<RequestPage, 'notice' | 'comment'>

async function show(
  context: PagesContext,
  session: Session,
  caller: Caller,
  id: string,
  refused: Refused = {},
): Promise<string> {
  const { request, view } = await readView(context, caller, id)
  return requestPage({ view, session, role: roleOf(request.request, caller), ...refused })
}

/**
 * The page with the present state, and above it why the form changed nothing.
 * @throws NOT_FOUND when the person may not see the request
 */
async function showRefusal(
  context: PagesContext,
  session: Session,
  caller: Caller,
  id: string,
  { error, comment }: { readonly error: LatchkeyError; readonly comment: string },
  reply: FastifyReply,
): Promise<string> {
  const page = await show(context, session, caller, id, { notice: error.message, comment })
  reply.code(error.httpStatus)
  if (error.code === 'UNAVAILABLE') reply.log.warn({ err: error }, 'not available')
  return page
}

/** Decides only whether the page has a form. Rules and directory are checked when the form is sent. */
function roleOf({ requester, asked, lapsesAt }: AccessRequest, { objectId }: Caller): RequestPage['role'] {
  if (requester.objectId === objectId) return 'requester'
  const wasAsked = asked.some((person) => person.objectId === objectId)
  return wasAsked && Date.now() < Date.parse(lapsesAt) ? 'approver' : 'onlooker'
}
