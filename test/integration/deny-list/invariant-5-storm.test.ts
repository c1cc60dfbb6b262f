import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { endGrant } from '../../../src/grants/end-grant.ts'
import type { Grant } from '../../../src/grants/grant.ts'
import { DENY_POLICY, type DenyDocument, parseDenyDocument } from '../../../src/policies/deny-document.ts'
import { revokeGrant } from '../../../workers/revoke-grant.ts'
import { activeGrant, commitGrants } from '../../fixtures/active-grants.ts'
import { openDenyListUseCases } from '../../fixtures/deny-list.ts'
import { until } from '../../fixtures/redis-record.ts'
import { TWO_REPLICAS_RULES } from '../../fixtures/two-replicas.ts'
import { DENIED_ON } from '../../unit/grants/a-grant.ts'

const useCases = await openDenyListUseCases('storm', { rules: TWO_REPLICAS_RULES, seed: { replicas: 2 } })
const { deps, aws, record } = useCases
const principals = await deps.driver.principals()
afterEach(() => aws.faults.clear())
afterAll(() => useCases.close())

async function live(count: number, on = principals): Promise<readonly Grant[]> {
  const nowMs = await record.now()
  const grants = on.flatMap((principal) => Array.from({ length: count }, () => activeGrant(principal, nowMs)))
  await commitGrants(record, grants)
  return grants
}

async function end({ id }: Grant): Promise<void> {
  await endGrant(deps, useCases.as('rita'), id)
}

/** Repeats the job while another one has the lease, as the queue does. */
async function untilRevoked({ id }: Grant): Promise<void> {
  let ran = await revokeGrant(deps, id)
  while (ran.againAt !== undefined) ran = await revokeGrant(deps, id)
  expect((await useCases.grant(id)).status).toBe('revoked')
}

function denied(): number {
  return [...aws.state.roles.values()]
    .flatMap(({ inline }) => inline.current().get(DENY_POLICY) ?? [])
    .flatMap((text) => parseDenyDocument(text).denied).length
}

describe('early ends', () => {
  test('that wait together cost one IAM write for each copy of the role that they are on', async () => {
    const grants = await live(40)
    await Promise.all(grants.map(end))
    const before = useCases.calls('PutRolePolicy')
    await Promise.all(grants.map(untilRevoked))
    expect(useCases.calls('PutRolePolicy') - before).toBe(principals.length)
    expect(denied()).toBe(grants.length)
  })

  test('that come after the first of them is under way are taken along', async () => {
    const [first, ...others] = await live(5, principals.slice(0, 1))
    if (!first) throw new Error('There is no grant.')
    await end(first)
    let scans = 0
    const list: typeof record.list = async (kind, ...rest) => {
      const ids = await record.list(kind, ...rest)
      if (kind === 'revoking' && scans++ === 0) await Promise.all(others.map(end))
      return ids
    }
    const before = useCases.calls('PutRolePolicy')
    await revokeGrant({ ...deps, record: { ...record, list } }, first.id)
    await Promise.all(others.map(untilRevoked))
    expect(useCases.calls('PutRolePolicy') - before).toBe(1)
  })

  test('on a Deny document that somebody filled are not called revoked, and are tried again until there is room', async () => {
    const [principal] = principals
    const role = aws.state.roles.get('prod')
    if (!principal || !role) throw new Error('The sandbox was seeded without a role.')
    const grant = activeGrant(principal, await record.now())
    await commitGrants(record, [grant])
    role.inline.put('other', JSON.stringify({ Filler: 'x'.repeat(9_900) }), aws.clock.now())
    await end(grant)
    await expect(revokeGrant(deps, grant.id)).rejects.toMatchObject({ code: 'QUOTA_FULL' })
    expect((await useCases.grant(grant.id)).status).toBe('revoking')
    role.inline.delete('other', aws.clock.now())
    await untilRevoked(grant)
  })
})

test('early ends in an account that hangs leave room in the queue for those of the others', async () => {
  const account = '222233334444'
  const slow = {
    driver: 'attach',
    account,
    arn: `arn:aws:iam::${account}:user/finn`,
    userid: 'AIDAFINN',
    deniedOn: DENIED_ON,
  } as const
  const nowMs = await record.now()
  const hanging = Array.from({ length: 20 }, () => activeGrant(slow, nowMs))
  await commitGrants(record, hanging)
  const [healthy] = await live(1, principals.slice(0, 1))
  if (!healthy) throw new Error('There is no grant.')
  await Promise.all([...hanging, healthy].map(end))
  let answer: () => void = () => undefined
  const answered = new Promise<void>((resolve) => {
    answer = resolve
  })
  // The sandbox has no such account. The test needs only that its calls hang.
  let held: DenyDocument | undefined
  const driver: typeof deps.driver = {
    ...deps.driver,
    detach: () => answered,
    readDeny: async () => held,
    async writeDeny(_principal, document) {
      held = document
      return held
    },
  }
  let waiting = 0
  const underWay = hanging.map(async ({ id }) => {
    if ((await revokeGrant({ ...deps, driver }, id)).againAt !== undefined) waiting += 1
  })
  try {
    await until(async () => waiting === 15)
    await untilRevoked(healthy)
  } finally {
    answer()
    await Promise.all(underWay)
  }
  for (const { id } of hanging) {
    await revokeGrant({ ...deps, driver }, id)
    expect((await useCases.grant(id)).status).toBe('revoked')
  }
})
