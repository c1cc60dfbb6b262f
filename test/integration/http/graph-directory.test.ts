import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { GROUPS, PEOPLE } from '../../../sandbox/entra/fixture.ts'
import { type EntraOptions, type SandboxEntra, startEntra } from '../../../sandbox/entra/index.ts'
import type { SandboxPerson } from '../../../sandbox/entra/tenant.ts'
import { LatchkeyError } from '../../../src/errors.ts'
import { graphDirectory } from '../../../src/graph/directory.ts'
import { directoryContract } from '../../contract/directory.contract.ts'

type Line = { readonly data: object; readonly message: string }

function directoryOf(entra: SandboxEntra, clientSecret = entra.clientSecret) {
  const lines: Line[] = []
  const { authority, tenantId, clientId, graphBaseUrl } = entra
  const log = { warn: (data: object, message: string) => void lines.push({ data, message }) }
  return { lines, directory: graphDirectory({ authority, tenantId, clientId, clientSecret, graphBaseUrl, log }) }
}

async function withEntra<T>(options: EntraOptions, use: (entra: SandboxEntra) => Promise<T>): Promise<T> {
  const entra = await startEntra(options)
  try {
    return await use(entra)
  } finally {
    await entra.stop()
  }
}

function refused(asked: Promise<unknown>): Promise<unknown> {
  return asked.then(
    (answer) => expect.fail(`answered ${JSON.stringify(answer)}`),
    (error: unknown) => error,
  )
}

const unavailable = (retryAfterSeconds: number) =>
  expect.objectContaining({ code: 'UNAVAILABLE', facts: { what: 'the directory', retryAfterSeconds } })

directoryContract('Graph', async () => {
  const entra = await startEntra()
  return {
    directory: directoryOf(entra).directory,
    tenant: entra.tenant,
    goSilent: () => entra.faults.fail('graph', { kind: 'silent' }),
    comeBack: () => entra.faults.heal(),
    stop: () => entra.stop(),
  }
})

describe('what Graph is asked', () => {
  let entra: SandboxEntra
  beforeAll(async () => {
    entra = await startEntra()
  })
  afterEach(() => entra.faults.heal())
  afterAll(() => entra.stop())

  test('the fields that come only when selected are selected, in every question about people', async () => {
    const { directory } = directoryOf(entra)
    await directory.person(PEOPLE.rita)
    await directory.managerOf(PEOPLE.rita)
    await directory.membersOf(GROUPS.finance)
    for (const { query } of entra.graphCalls) {
      expect(query.$select).toBe(
        'id,displayName,mail,userPrincipalName,mailNickname,employeeId,accountEnabled,userType',
      )
    }
    expect(entra.graphCalls).toHaveLength(3)
  })

  test('no manager and no such person are told apart: only the second is worth a warning', async () => {
    const { directory, lines } = directoryOf(entra)
    await directory.managerOf(PEOPLE.noor)
    expect(lines).toEqual([])
    await directory.managerOf('00000000-0000-4000-8000-000000000000')
    expect(lines.map(({ message }) => message)).toEqual(['asked for the manager of nobody'])
  })

  test('a throttled question without a limit is asked again when Graph says so', async () => {
    entra.faults.fail('graph', { kind: 'status', status: 429, retryAfterSeconds: 1 }, 1)
    const before = entra.faults.struck('graph')
    expect(await directoryOf(entra).directory.person(PEOPLE.rita)).toMatchObject({ objectId: PEOPLE.rita })
    expect(entra.faults.struck('graph') - before).toBe(1)
  })

  test.each([429, 503, 504])('inside a click a %i is not asked again', async (status) => {
    entra.faults.fail('graph', { kind: 'status', status, retryAfterSeconds: 1 })
    const before = entra.faults.struck('graph')
    const asked = directoryOf(entra).directory.person(PEOPLE.rita, AbortSignal.timeout(30_000))
    expect(await refused(asked)).toEqual(unavailable(1))
    expect(entra.faults.struck('graph') - before).toBe(1)
  })

  test('a question is asked three times at most', async () => {
    entra.faults.fail('graph', { kind: 'down' })
    const before = entra.faults.struck('graph')
    expect(await refused(directoryOf(entra).directory.person(PEOPLE.rita))).toEqual(unavailable(5))
    expect(entra.faults.struck('graph') - before).toBe(3)
  })

  test('a long Retry-After is handed on, not slept through', async () => {
    entra.faults.fail('graph', { kind: 'status', status: 429, retryAfterSeconds: 120 })
    const before = entra.faults.struck('graph')
    expect(await refused(directoryOf(entra).directory.person(PEOPLE.rita))).toEqual(unavailable(120))
    expect(entra.faults.struck('graph') - before).toBe(1)
  })

  test.each([
    ['a proxy’s page', { kind: 'web-page' }],
    ['an internal error', { kind: 'status', status: 500 }],
    ['a 404 that is not Graph’s', { kind: 'status', status: 404 }],
    ['a refusal', { kind: 'status', status: 403 }],
  ] as const)('%s is not an answer about people', async (_, fault) => {
    entra.faults.fail('graph', fault)
    const { directory } = directoryOf(entra)
    const errors = await Promise.all([
      refused(directory.person(PEOPLE.rita)),
      refused(directory.managerOf(PEOPLE.rita)),
      refused(directory.groupsOf(PEOPLE.rita, [GROUPS.finance])),
      refused(directory.membersOf(GROUPS.finance)),
    ])
    expect(errors).toEqual([unavailable(5), unavailable(5), unavailable(5), unavailable(5)])
  })

  test('an account whose standing Graph does not tell is no answer', async () => {
    entra.tenant.change(PEOPLE.finn, { accountEnabled: null })
    expect(await refused(directoryOf(entra).directory.person(PEOPLE.finn))).toEqual(unavailable(5))
    entra.tenant.enable(PEOPLE.finn)
  })

  test('a sign-in service that is silent does not hold a click', async () => {
    entra.faults.fail('tokens', { kind: 'silent' })
    const asked = directoryOf(entra).directory.person(PEOPLE.rita, AbortSignal.timeout(50))
    expect(await refused(asked)).toEqual(unavailable(5))
  })

  test('a wrong secret is UNAVAILABLE outside, named in the log, and shown nowhere', async () => {
    const { directory, lines } = directoryOf(entra, 'not-the-secret')
    const error = await refused(directory.person(PEOPLE.rita))
    expect(error).toEqual(unavailable(5))
    expect(lines.at(-1)).toMatchObject({ data: { graphCode: expect.stringMatching(/^Authentication/) } })
    expect(JSON.stringify([lines, error instanceof LatchkeyError && error.message])).not.toContain('not-the-secret')
  })
})

test('a registration without the permission is UNAVAILABLE, and the log says that Graph refused it', async () => {
  await withEntra({ graphPermissions: ['User.Read.All'] }, async (entra) => {
    const { directory, lines } = directoryOf(entra)
    expect(await refused(directory.groupsOf(PEOPLE.rita, [GROUPS.finance]))).toEqual(unavailable(5))
    expect(lines).toMatchObject([{ data: { status: 403, graphCode: 'Authorization_RequestDenied' } }])
  })
})

test('members whose standing we may not read are no answer', async () => {
  await withEntra({ graphPermissions: ['GroupMember.Read.All'] }, async (entra) => {
    expect(await refused(directoryOf(entra).directory.membersOf(GROUPS.finance))).toEqual(unavailable(5))
  })
})

test('a group of more than one page is read to its end', async () => {
  const people = Array.from(
    { length: 1_005 },
    (_, index): SandboxPerson => ({
      id: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
      displayName: `Person ${index}`,
      mail: null,
      userPrincipalName: `p${index}@harbour.example`,
      jobTitle: null,
      accountEnabled: true,
      userType: 'Member',
      appRoles: [],
    }),
  )
  const groups = [{ id: GROUPS.finance, displayName: 'finance', members: people.map(({ id }) => id) }]
  await withEntra({ people, groups, contacts: [] }, async (entra) => {
    const members = await directoryOf(entra).directory.membersOf(GROUPS.finance)
    expect(new Set(members.map(({ objectId }) => objectId)).size).toBe(1_005)
    expect(entra.graphCalls).toHaveLength(2)
  })
})
