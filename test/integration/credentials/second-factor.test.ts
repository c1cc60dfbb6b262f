import { afterAll, describe, expect, test } from 'vitest'
import { PEOPLE } from '../../../sandbox/entra/fixture.ts'
import { requestAccess } from '../../../src/access-requests/request-access.ts'
import { reviewAccessRequest } from '../../../src/access-requests/review/review-access-request.ts'
import { entraSignIn } from '../../../src/entra/sign-in.ts'
import { bearerVerifier } from '../../../src/entra/verify-bearer.ts'
import { vendCredentials } from '../../../src/grants/credentials/vend-credentials.ts'
import { parseRules } from '../../../src/rules/file/parse-rules.ts'
import { parseScope } from '../../../src/rules/scope.ts'
import { activateGrant } from '../../../workers/activate-grant.ts'
import { openUseCases } from '../../fixtures/use-cases.ts'
import { RULES } from '../../fixtures/world.ts'

const CONTEXT = 'c1'
const useCases = await openUseCases('second-factor')
const { entra } = useCases
afterAll(() => useCases.close())

const levels = 'levels: [read, write, delete]\n'
const deps = { ...useCases.deps, rules: parseRules(RULES.replace(levels, `${levels}    conditions: {mfa: true}\n`)) }

async function granted(): Promise<string> {
  const input = { scopes: [parseScope('s3://finance-reports/2026/')], levels: ['write'], reason: 'month-end' } as const
  const { id } = await requestAccess(deps, useCases.as('rita'), input)
  const { grantId = '' } = await reviewAccessRequest(deps, useCases.as('max'), id, { decision: 'approve', comment: '' })
  await activateGrant(deps, grantId)
  return grantId
}

test('a grant that wants a second factor gives nothing to a sign-in without one, says so, and is audited', async () => {
  const grantId = await granted()
  const before = useCases.calls('AssumeRole')
  await expect(vendCredentials(deps, useCases.as('rita'), grantId)).rejects.toMatchObject({
    code: 'NOT_SIGNED_IN',
    message: expect.stringMatching(/wants a sign-in with a second factor, and yours had none\. Run `latchkey login`/),
  })
  expect(useCases.calls('AssumeRole')).toBe(before)
  const refused = (await useCases.events('vend.refused')).at(-1)
  expect(refused).toMatchObject({ grantId, code: 'NOT_SIGNED_IN' })
  expect(await vendCredentials(deps, useCases.as('rita', { mfa: true }), grantId)).toHaveProperty('sessionToken')
})

test('a sign-in without a second factor gets nothing from memory either', async () => {
  const grantId = await granted()
  await vendCredentials(deps, useCases.as('rita', { mfa: true }), grantId)
  await expect(vendCredentials(deps, useCases.as('rita'), grantId)).rejects.toMatchObject({ code: 'NOT_SIGNED_IN' })
})

describe('a token of Entra', () => {
  const { authority, tenantId, clientId: audience, cliClientId } = entra
  const verifier = (mfaContext?: string) =>
    bearerVerifier({ authority, tenantId, audience, clientIds: [cliClientId], mfaContext })

  test.each([
    ['the context that demands one', { acrs: ['c2', 'c1'] }, true],
    ['another context', { acrs: ['c2', 'c10'] }, undefined],
    ['no context', {}, undefined],
    ['contexts in another form', { acrs: 'c1' }, undefined],
    ['what only tokens of version 1 carry', { amr: ['pwd', 'mfa'] }, undefined],
  ])('with %s says what it says about a second factor', async (_what, claims, mfa) => {
    const header = `Bearer ${await entra.mint(PEOPLE.rita, claims)}`
    expect((await verifier(CONTEXT)(header, '127.0.0.1')).mfa).toBe(mfa)
  })

  test('proves no second factor where no context is configured', async () => {
    const header = `Bearer ${await entra.mint(PEOPLE.rita, { acrs: ['c1'] })}`
    expect(await verifier()(header, '127.0.0.1')).not.toHaveProperty('mfa')
  })
})

describe('signing in to pages', () => {
  const redirectUri = 'https://latchkey.harbour.example/sign-in/callback'
  entra.allowRedirect(redirectUri)
  const signInAs = async (person: string, mfaContext?: string) => {
    const pages = entraSignIn({ ...entra, redirectUri, mfaContext, log: useCases.fixture.log })
    const { link, started } = await pages.begin()
    return await pages.finish((await entra.signIn(person, link)).search.slice(1), started)
  }

  test('has Entra demand the second factor where a context is configured, and knows that it did', async () => {
    expect(await signInAs(PEOPLE.finn)).not.toHaveProperty('mfa')
    expect(await signInAs(PEOPLE.finn, CONTEXT)).toMatchObject({ objectId: PEOPLE.finn, mfa: true })
  })

  test('lets nobody in who has none', async () => {
    entra.tenant.change(PEOPLE.dirk, { secondFactor: false })
    await expect(signInAs(PEOPLE.dirk, CONTEXT)).rejects.toThrow()
    expect(await signInAs(PEOPLE.dirk)).toMatchObject({ objectId: PEOPLE.dirk })
  })
})
