import { createServer } from 'node:https'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { serverCertificate } from '../../../sandbox/certificate.ts'
import { PEOPLE } from '../../../sandbox/entra/fixture.ts'
import { type SandboxEntra, startEntra } from '../../../sandbox/entra/index.ts'
import { WRONG_TOKENS } from '../../../sandbox/entra/wrong-tokens.ts'
import { bearerVerifier } from '../../../src/entra/verify-bearer.ts'
import { isLatchkeyError } from '../../../src/errors.ts'

const ADDRESS = '192.0.2.7'

let entra: SandboxEntra
let reasons: string[]

beforeAll(async () => {
  entra = await startEntra()
})
beforeEach(() => {
  reasons = []
})
afterEach(() => {
  vi.useRealTimers()
  entra.faults.heal()
})
afterAll(() => entra.stop())

function newVerifier(clientIds = [entra.cliClientId]) {
  const log = { info: (data: object) => void reasons.push(JSON.stringify(data)) }
  return bearerVerifier({
    authority: entra.authority,
    tenantId: entra.tenantId,
    audience: entra.clientId,
    clientIds,
    log,
  })
}

async function refusal(header: string | undefined, verify = newVerifier()): Promise<unknown> {
  return verify(header, ADDRESS).then(
    (caller) => expect.fail(`let in ${caller.name}`),
    (error: unknown) => error,
  )
}

const NOT_SIGNED_IN = expect.objectContaining({ code: 'NOT_SIGNED_IN', facts: {} })
const UNAVAILABLE = expect.objectContaining({
  code: 'UNAVAILABLE',
  facts: { what: 'the directory', retryAfterSeconds: 5 },
})

describe('a good token', () => {
  test('says who is calling, through which client, and from where', async () => {
    expect(await newVerifier()(`Bearer ${await entra.mint(PEOPLE.rita)}`, ADDRESS)).toEqual({
      tenantId: entra.tenantId,
      objectId: PEOPLE.rita,
      name: 'Rita Reyes',
      roles: [],
      clientId: entra.cliClientId,
      address: ADDRESS,
    })
  })

  test('carries app roles', async () => {
    const caller = await newVerifier()(`Bearer ${await entra.mint(PEOPLE.omar)}`, ADDRESS)
    expect(caller.roles).toEqual(['Latchkey.Owner'])
  })

  test('may write its scheme in any case, hold more permissions than ours, and lack a name', async () => {
    const token = await entra.mint(PEOPLE.rita, { scp: 'User.Read access_as_user', name: undefined })
    expect(await newVerifier()(`bearer ${token}`, ADDRESS)).toMatchObject({ name: 'rita@harbour.example' })
  })

  test('is good for a clock that is 30 seconds off, and not for one that is 90 seconds off', async () => {
    const now = Math.floor(Date.now() / 1_000)
    const late = await entra.mint(PEOPLE.rita, { exp: now - 30 })
    const tooLate = await entra.mint(PEOPLE.rita, { exp: now - 90 })
    expect(await newVerifier()(`Bearer ${late}`, ADDRESS)).toMatchObject({ objectId: PEOPLE.rita })
    expect(await refusal(`Bearer ${tooLate}`)).toEqual(NOT_SIGNED_IN)
  })
})

describe('refused', () => {
  test.each(WRONG_TOKENS)('a token %s', async (wrong) => {
    expect(await refusal(`Bearer ${await entra.mintWrong(wrong, PEOPLE.rita)}`)).toEqual(NOT_SIGNED_IN)
    expect(reasons).toHaveLength(1)
  })

  test('a token that an app holds for itself', async () => {
    expect(await refusal(`Bearer ${await entra.mintAppOnly()}`)).toEqual(NOT_SIGNED_IN)
  })

  test('every client, when none is listed', async () => {
    expect(await refusal(`Bearer ${await entra.mint(PEOPLE.rita)}`, newVerifier([]))).toEqual(NOT_SIGNED_IN)
    expect(reasons).toEqual(['{"reason":"client-not-listed"}'])
  })

  test.each([undefined, '', 'Bearer', 'Bearer ', 'Basic cml0YTpyaXRh', 'Bearer a b', 'Bearer a.b', 'Bearer ..'])(
    'the header %j',
    async (header) => {
      expect(await refusal(header)).toEqual(NOT_SIGNED_IN)
    },
  )

  test('without saying why, outside; and without the token, in the log', async () => {
    const token = await entra.mintWrong('expired', PEOPLE.rita)
    const error = await refusal(`Bearer ${token}`)
    expect(isLatchkeyError(error, 'NOT_SIGNED_IN') && [error.message, error.cause]).toEqual([
      'You are not signed in. Run `latchkey login` and try again.',
      undefined,
    ])
    expect(reasons).toEqual(['{"reason":"ERR_JWT_EXPIRED"}'])
  })
})

describe('signing keys', () => {
  test('a token signed with a new key is good once the keys are asked for again', async () => {
    const verify = newVerifier()
    await verify(`Bearer ${await entra.mint(PEOPLE.rita)}`, ADDRESS)
    entra.rotateKeys()
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 31_000 })
    expect(await verify(`Bearer ${await entra.mint(PEOPLE.rita)}`, ADDRESS)).toMatchObject({ objectId: PEOPLE.rita })
  })

  test('a withdrawn key signs nobody in', async () => {
    const token = await entra.mint(PEOPLE.rita)
    entra.rotateKeys({ withdrawOld: true })
    expect(await refusal(`Bearer ${token}`)).toEqual(NOT_SIGNED_IN)
  })

  test('unknown key ids do not make us ask for the keys again and again', async () => {
    const verify = newVerifier()
    await verify(`Bearer ${await entra.mint(PEOPLE.rita)}`, ADDRESS)
    entra.faults.fail('keys', { kind: 'down' })
    const before = entra.faults.struck('keys')
    for (let round = 0; round < 5; round += 1) {
      const token = await entra.mintWrong('signed with an unknown key', PEOPLE.rita)
      expect(await refusal(`Bearer ${token}`, verify)).toEqual(NOT_SIGNED_IN)
    }
    expect(entra.faults.struck('keys') - before).toBe(0)
  })

  test.each([
    ['unreachable', { kind: 'down' }],
    ['failing', { kind: 'status', status: 503 }],
    ['a proxy’s page', { kind: 'web-page' }],
  ] as const)('keys that are %s make a token neither good nor bad, and are asked for again', async (_, fault) => {
    const verify = newVerifier()
    const header = `Bearer ${await entra.mint(PEOPLE.rita)}`
    entra.faults.fail('keys', fault)
    expect(await refusal(header, verify)).toEqual(UNAVAILABLE)
    entra.faults.heal()
    later(2_001)
    expect(await verify(header, ADDRESS)).toMatchObject({ objectId: PEOPLE.rita })
  })

  test('13: while they fail, any number of strangers makes us ask for them once in two seconds', async () => {
    const [verify, stranger] = [newVerifier(), await strangersHeader()]
    entra.faults.fail('keys', { kind: 'status', status: 500 })
    const before = entra.faults.struck('keys')
    await Promise.all(Array.from({ length: 25 }, () => refusal(stranger, verify)))
    for (let round = 0; round < 25; round += 1) expect(await refusal(stranger, verify)).toEqual(UNAVAILABLE)
    expect(entra.faults.struck('keys') - before).toBe(1)
    later(2_001)
    expect(await refusal(stranger, verify)).toEqual(UNAVAILABLE)
    expect(entra.faults.struck('keys') - before).toBe(2)
  })

  test('13: nor do unknown keys when the known ones cannot be read again, and known ones stay good', async () => {
    const [verify, stranger] = [newVerifier(), await strangersHeader()]
    await verify(`Bearer ${await entra.mint(PEOPLE.rita)}`, ADDRESS)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 31_000 })
    entra.faults.fail('keys', { kind: 'web-page' })
    const before = entra.faults.struck('keys')
    for (let round = 0; round < 25; round += 1) expect(await refusal(stranger, verify)).toEqual(UNAVAILABLE)
    expect(await verify(`Bearer ${await entra.mint(PEOPLE.rita)}`, ADDRESS)).toMatchObject({ objectId: PEOPLE.rita })
    expect(entra.faults.struck('keys') - before).toBe(1)
  })

  test('keys once read outlast an outage of the directory', async () => {
    const verify = newVerifier()
    const header = `Bearer ${await entra.mint(PEOPLE.rita)}`
    await verify(header, ADDRESS)
    entra.faults.fail('keys', { kind: 'down' })
    expect(await verify(header, ADDRESS)).toMatchObject({ objectId: PEOPLE.rita })
  })

  test.each([
    ['for another issuer', (origin: string) => ({ issuer: `${origin}/other/v2.0`, jwks_uri: `${origin}/keys` })],
    ['kept on another host', (_: string, issuer: string) => ({ issuer, jwks_uri: keysUrl() })],
  ])('keys %s are not taken', async (_, configuration) => {
    const stranger = await startStranger(configuration)
    try {
      const { tenantId, clientId: audience, cliClientId } = entra
      const verify = bearerVerifier({ authority: stranger.origin, tenantId, audience, clientIds: [cliClientId] })
      const token = await entra.mint(PEOPLE.rita, { iss: `${stranger.origin}/${tenantId}/v2.0` })
      expect(await refusal(`Bearer ${token}`, verify)).toEqual(UNAVAILABLE)
    } finally {
      await stranger.stop()
    }
  })
})

const strangersHeader = async () => `Bearer ${await entra.mintWrong('signed with an unknown key', PEOPLE.rita)}`

/** The clock of pauses starts at 0 when it is replaced. */
function later(milliseconds: number): void {
  const nowMs = performance.now()
  vi.useFakeTimers({ toFake: ['performance'] })
  vi.advanceTimersByTime(nowMs + milliseconds)
}

const keysUrl = () => `${entra.authority}/${entra.tenantId}/discovery/v2.0/keys`

/** An authority at another origin with this OpenID configuration. It serves the right keys. */
async function startStranger(configuration: (origin: string, issuer: string) => object) {
  const server = createServer(serverCertificate())
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const address = server.address()
  const origin = `https://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  const keys = await (await fetch(keysUrl())).json()
  server.on('request', (request, response) => {
    response.setHeader('content-type', 'application/json')
    const body = request.url === '/keys' ? keys : configuration(origin, `${origin}/${entra.tenantId}/v2.0`)
    response.end(JSON.stringify(body))
  })
  const stop = () => {
    server.closeAllConnections()
    return new Promise<void>((stopped) => server.close(() => stopped()))
  }
  return { origin, stop }
}
