import type { FastifyInstance, FastifyReply } from 'fastify'
import { z } from 'zod'
import { isLatchkeyError } from '../errors.ts'
import { isSameSecret } from '../mac.ts'
import { demandForm, sessionOf } from './csrf.ts'
import { problemPage } from './layout.ts'
import { PageProblem } from './page-problem.ts'
import type { PagesContext, SignedIn, Started } from './pages-deps.ts'
import { newSession } from './session.ts'
import { boundedExchanges, signInOver } from './sign-in-exchanges.ts'

const AGAIN = { path: '', words: 'Open the request and sign in again' }
const csrfForm = z.object({ csrf: z.string() })

/** Redirects to Entra. A sealed cookie holds what the callback needs. */
export async function leaveToSignIn({ signIn, cookies }: PagesContext, reply: FastifyReply, returnPath: string) {
  const { link, started } = await signIn.begin()
  await cookies.signIn.write(reply, { ...started, returnPath })
  return reply.redirect(link, 302)
}

export function signInRoutes(app: FastifyInstance, context: PagesContext): void {
  const exchanges = boundedExchanges()

  app.get('/sign-in/callback', async (request, reply) => {
    const begun = await context.cookies.signIn.read(request)
    if (begun === undefined) throw signInOver()
    const { returnPath, ...started } = begun
    const { searchParams } = new URL(request.url, context.publicUrl)
    const signedIn = await exchanges.run(started.state, () => {
      // `run` calls this only when there is room. Otherwise the cookie stays, and the person can load this page again.
      context.cookies.signIn.clear(reply)
      return finish(context, searchParams.toString(), started, returnPath)
    })
    await context.cookies.session.write(reply, newSession(signedIn))
    return reply.redirect(returnPath, 302)
  })

  app.post('/sign-out', { onRequest: demandForm(context) }, async (request, reply) => {
    const session = sessionOf(request)
    const form = csrfForm.safeParse(request.body)
    if (!form.success || !isSameSecret(form.data.csrf, session.csrf)) throw PageProblem.foreignForm()
    context.cookies.session.clear(reply)
    const sentence =
      'Microsoft may still know who you are: on a shared machine, sign out there too, or close the browser.'
    return problemPage({ status: 200, title: 'You are signed out', sentence }, undefined)
  })
}

async function finish(
  { signIn }: PagesContext,
  query: string,
  started: Started,
  returnPath: string,
): Promise<SignedIn> {
  try {
    return await signIn.finish(query, started)
  } catch (error) {
    if (!isLatchkeyError(error, 'NOT_SIGNED_IN')) throw error
    throw new PageProblem(
      {
        status: 401,
        title: 'You are not signed in',
        sentence: 'Entra did not sign you in for Latchkey. Try again, with an account of this tenant.',
        next: { ...AGAIN, path: returnPath },
      },
      { cause: error },
    )
  }
}
