import type { IncomingMessage, ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import type { InteractionDetails, Provider } from 'oidc-provider'
import { z } from 'zod'
import { signInPage } from './sign-in-page.ts'
import type { Tenant } from './tenant.ts'

interface At {
  readonly provider: Provider
  readonly tenant: Tenant
  /** Person → the authentication contexts that the person's sign-ins satisfied. */
  readonly contexts: Map<string, Set<string>>
}

const demandSchema = z.object({ access_token: z.object({ acrs: z.object({ value: z.string() }) }) })

/** The authentication context that the client demanded. */
function demanded({ params }: InteractionDetails): string | undefined {
  const claims: unknown = typeof params.demanded === 'string' ? JSON.parse(params.demanded) : undefined
  return demandSchema.safeParse(claims).data?.access_token.acrs.value
}

/** Answers one step of a sign-in: shows the page, takes the choice, or gives the administrator's consent. */
export async function answerSignIn(
  { provider, tenant, contexts }: At,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const details = await provider.interactionDetails(request, response)
  if (details.prompt.name === 'consent') {
    const grantId = await consent(provider, details)
    await provider.interactionFinished(request, response, { consent: { grantId } })
    return
  }
  const show = (fault?: string) => showPage(tenant, request, response, fault)
  if (request.method !== 'POST') return show()
  const personId = new URLSearchParams((await buffer(request)).toString()).get('person')
  if (!personId) {
    const cancelled = { error: 'access_denied', error_description: 'AADSTS65004: User declined to consent.' }
    await provider.interactionFinished(request, response, cancelled)
    return
  }
  const person = tenant.person(personId)
  if (person === undefined) return show('AADSTS50034: The user account does not exist in this directory.')
  if (!person.accountEnabled) return show('AADSTS50057: The user account is disabled.')
  const context = demanded(details)
  if (context !== undefined) {
    if (person.secondFactor === false) return show('AADSTS50076: You must use multi-factor authentication.')
    contexts.set(personId, new Set([...(contexts.get(personId) ?? []), context]))
  }
  await provider.interactionFinished(request, response, { login: { accountId: personId } })
}

function showPage(tenant: Tenant, request: IncomingMessage, response: ServerResponse, fault?: string): void {
  const page = signInPage({
    people: tenant.people(),
    clientName: 'Latchkey',
    action: request.url ?? '',
    ...(fault === undefined ? {} : { fault }),
  })
  response.setHeader('content-type', 'text/html; charset=utf-8').setHeader('cache-control', 'no-store').end(page)
}

async function consent(provider: Provider, { grantId, session, params, prompt }: InteractionDetails): Promise<string> {
  const known = grantId === undefined ? undefined : await provider.Grant.find(grantId)
  const grant = known ?? new provider.Grant({ accountId: session?.accountId ?? '', clientId: params.client_id })
  const { missingOIDCScope, missingOIDCClaims, missingResourceScopes } = prompt.details
  if (missingOIDCScope) grant.addOIDCScope(missingOIDCScope.join(' '))
  if (missingOIDCClaims) grant.addOIDCClaims(missingOIDCClaims)
  for (const [resource, scopes] of Object.entries(missingResourceScopes ?? {})) {
    grant.addResourceScope(resource, scopes.join(' '))
  }
  return grant.save()
}
