import { expect, test, vi } from 'vitest'
import { type Chaos, IN_TIME, withChaos } from './ground.ts'

async function untilNotFound({ world }: Chaos, grantId: string): Promise<void> {
  const { body } = await world.call('rita', `/grants/${grantId}/credentials`)
  expect(body.error?.code).toBe('NOT_FOUND')
}

test('a Redis that was emptied grants nothing before AWS refuses every session from before; who was denied stays denied', async () => {
  await withChaos(async (chaos) => {
    const { world } = chaos
    await world.startWorkers()
    const forgotten = await chaos.active()
    const kept = await chaos.vend(forgotten)
    const denied = await chaos.active({ by: 'finn' })
    const refused = await chaos.vend(denied, 'finn')
    expect((await world.call('finn', `/grants/${denied}/end`)).body.status).toBe('revoking')
    await chaos.untilStatus(denied, 'revoked')
    expect([await chaos.write(kept), await chaos.write(refused)]).toEqual(['written', 'AccessDenied'])
    const before = chaos.deny()

    await chaos.redis.flushall()
    await untilNotFound(chaos, forgotten)
    // Asked and approved at once, by web: no worker has looked at AWS yet.
    const fresh = await chaos.approved()
    await chaos.untilStatus(fresh, 'active')
    const [activated] = await chaos.audit('grant.activated', fresh)
    const [adopted] = await chaos.audit('epoch.adopted')
    expect(adopted?.at).toBeLessThan(activated?.at ?? 0)
    const held = chaos.deny(adopted?.at)
    expect(held?.epoch).not.toBe(before?.epoch)
    expect(held?.epoch).toBe(await chaos.redis.get('{latchkey}:epoch'))
    expect(held?.denied).toContain(chaos.userId(denied))
    for (const old of [kept, refused]) expect(await chaos.write(old)).toBe('AccessDenied')

    expect(await chaos.write(await chaos.vend(fresh))).toBe('written')
    expect((await world.call('rita', `/grants/${fresh}/end`)).body.status).toBe('revoking')
    await chaos.untilStatus(fresh, 'revoked')
    await vi.waitFor(
      async () =>
        expect(chaos.deny()?.denied).toEqual(expect.arrayContaining([chaos.userId(denied), chaos.userId(fresh)])),
      IN_TIME,
    )
  })
}, 150_000)
