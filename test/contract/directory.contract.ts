import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { GROUPS, PEOPLE, TENANT, TENANT_ID } from '../../sandbox/entra/fixture.ts'
import type { Tenant } from '../../sandbox/entra/tenant.ts'
import { isLatchkeyError } from '../../src/errors.ts'
import type { Directory } from '../../src/rules/directory.ts'

/** A directory of the sandbox's tenant that can be made unreachable. */
export interface DirectoryWorld {
  readonly directory: Directory
  readonly tenant: Tenant
  goSilent(): void
  comeBack(): void
  stop(): Promise<void>
}

const NOBODY = '00000000-0000-4000-8000-000000000000'

/** What every Directory promises. */
export function directoryContract(name: string, start: () => Promise<DirectoryWorld>): void {
  describe(`directory: ${name}`, () => {
    let world: DirectoryWorld
    beforeAll(async () => {
      world = await start()
    })
    afterEach(() => world.comeBack())
    afterAll(() => world.stop())

    aboutPeople(() => world)
    aboutManagers(() => world)
    aboutGroups(() => world)
    aboutValues(() => world)
    aboutSilence(() => world)
  })
}

function aboutPeople(world: () => DirectoryWorld): void {
  test('a person is found by object id, with name, mail, tenant and standing', async () => {
    expect(await world().directory.person(PEOPLE.rita)).toEqual({
      objectId: PEOPLE.rita,
      tenantId: TENANT_ID,
      name: 'Rita Reyes',
      mail: 'rita@harbour.example',
      attributes: { mail: 'rita@harbour.example', userPrincipalName: 'rita@harbour.example', mailNickname: 'rita' },
      enabled: true,
      guest: false,
    })
  })

  test('a disabled account and a guest are found, and say so', async () => {
    expect(await world().directory.person(PEOPLE.della)).toMatchObject({ enabled: false, guest: false })
    expect(await world().directory.person(PEOPLE.gus)).toMatchObject({ enabled: true, guest: true })
  })

  test('an account of another home is a guest even when it was made a member', async () => {
    world().tenant.change(PEOPLE.gus, { userType: 'Member' })
    expect(await world().directory.person(PEOPLE.gus)).toMatchObject({ guest: true })
    world().tenant.change(PEOPLE.gus, { userType: 'Guest' })
  })

  test('an account older than the member type is not a guest, and one without a mailbox has no mail', async () => {
    world().tenant.change(PEOPLE.noor, { userType: null, mail: null })
    const person = await world().directory.person(PEOPLE.noor)
    expect(person).toMatchObject({ guest: false })
    expect(person).not.toHaveProperty('mail')
  })

  test.each([NOBODY, 'rita@harbour.example', '', '../groups'])('nobody has the object id "%s"', async (id) => {
    expect(await world().directory.person(id)).toBeUndefined()
    expect(await world().directory.managerOf(id)).toBeUndefined()
    expect(await world().directory.groupsOf(id, [GROUPS.finance])).toEqual(new Set())
  })

  test('a disabled account is seen by the next question', async () => {
    expect(await world().directory.person(PEOPLE.finn)).toMatchObject({ enabled: true })
    world().tenant.disable(PEOPLE.finn)
    expect(await world().directory.person(PEOPLE.finn)).toMatchObject({ enabled: false })
    world().tenant.enable(PEOPLE.finn)
  })
}

function aboutManagers(world: () => DirectoryWorld): void {
  test('a manager is a person with standing of their own', async () => {
    expect(await world().directory.managerOf(PEOPLE.rita)).toMatchObject({ objectId: PEOPLE.max, enabled: true })
    expect(await world().directory.managerOf(PEOPLE.dirk)).toMatchObject({ objectId: PEOPLE.della, enabled: false })
  })

  test('somebody may be their own manager: the rules refuse that, not the directory', async () => {
    expect(await world().directory.managerOf(PEOPLE.selma)).toMatchObject({ objectId: PEOPLE.selma })
  })

  test('no manager is an answer', async () => {
    expect(await world().directory.managerOf(PEOPLE.noor)).toBeUndefined()
  })

  test('a manager who is only an address is no manager', async () => {
    expect(await world().directory.managerOf(PEOPLE.kai)).toBeUndefined()
  })

  test('another manager is seen by the next question', async () => {
    world().tenant.setManager(PEOPLE.finn, PEOPLE.dana)
    expect(await world().directory.managerOf(PEOPLE.finn)).toMatchObject({ objectId: PEOPLE.dana })
    world().tenant.removeManager(PEOPLE.finn)
    expect(await world().directory.managerOf(PEOPLE.finn)).toBeUndefined()
    world().tenant.setManager(PEOPLE.finn, PEOPLE.max)
  })
}

function aboutGroups(world: () => DirectoryWorld): void {
  const all = Object.values(GROUPS)

  test('groups count through nesting, and only those that were asked for', async () => {
    const { directory } = world()
    expect(await directory.groupsOf(PEOPLE.rita, all)).toEqual(new Set([GROUPS.finance]))
    expect(await directory.groupsOf(PEOPLE.nils, all)).toEqual(new Set([GROUPS.finance, GROUPS.financeTrainees]))
    expect(await directory.groupsOf(PEOPLE.nils, [GROUPS.onCall])).toEqual(new Set())
    expect(await directory.groupsOf(PEOPLE.rita, [])).toEqual(new Set())
  })

  test('more groups than one question may hold are all asked for', async () => {
    const unknown = Array.from(
      { length: 45 },
      (_, index) => `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
    )
    expect(await world().directory.groupsOf(PEOPLE.rita, [...unknown, GROUPS.finance])).toEqual(
      new Set([GROUPS.finance]),
    )
  })

  test('a group id in capitals is the same group', async () => {
    const capitals = GROUPS.finance.toUpperCase()
    expect(await world().directory.groupsOf(PEOPLE.rita, [capitals])).toEqual(new Set([capitals]))
  })

  test('members are people, nested ones included, each once', async () => {
    const members = await world().directory.membersOf(GROUPS.finance)
    const expected = [...(TENANT.groups[0]?.members ?? []), PEOPLE.nils].filter((id) => id !== GROUPS.financeTrainees)
    expect(members.map(({ objectId }) => objectId).sort()).toEqual(expected.sort())
  })

  test('contacts in a group are not people; guests and disabled accounts say what they are', async () => {
    const members = await world().directory.membersOf(GROUPS.dataOwners)
    expect(members.map(({ name }) => name).sort()).toEqual(['Dana Okafor', 'Della Duarte', 'Gus Gruber', 'Omar Haddad'])
    expect(members.find(({ objectId }) => objectId === PEOPLE.gus)).toMatchObject({ guest: true })
    expect(members.find(({ objectId }) => objectId === PEOPLE.della)).toMatchObject({ enabled: false })
  })

  test('a group that is not there has no members', async () => {
    expect(await world().directory.membersOf(NOBODY)).toEqual([])
    expect(await world().directory.membersOf('finance')).toEqual([])
  })

  test('leaving a group is seen by the next question', async () => {
    world().tenant.leave(GROUPS.onCall, PEOPLE.oona)
    expect(await world().directory.groupsOf(PEOPLE.oona, all)).toEqual(new Set())
    expect(await world().directory.membersOf(GROUPS.onCall)).toEqual([])
    world().tenant.join(GROUPS.onCall, PEOPLE.oona)
  })
}

function aboutValues(world: () => DirectoryWorld): void {
  test('whose value it is, case aside', async () => {
    const { directory } = world()
    expect(await directory.idsWith('mailNickname', 'RITA')).toEqual([PEOPLE.rita])
    expect(await directory.idsWith('userPrincipalName', 'rita@harbour.example')).toEqual([PEOPLE.rita])
    expect(await directory.idsWith('mail', 'rita')).toEqual([])
  })

  test.each(["O'Hara", "' or mail eq 'rita@harbour.example", 'a+b&c#d?e%20f', '%27'])(
    'a value is a value, whatever it is made of: %s',
    async (value) => {
      const { directory, tenant } = world()
      expect(await directory.idsWith('employeeId', value)).toEqual([])
      tenant.change(PEOPLE.rita, { employeeId: value })
      expect(await directory.idsWith('employeeId', value)).toEqual([PEOPLE.rita])
    },
  )

  test('disabled accounts and guests have values too, and of many two are enough', async () => {
    const { directory, tenant } = world()
    tenant.change(PEOPLE.della, { employeeId: 'E-1' })
    tenant.change(PEOPLE.gus, { employeeId: 'e-1' })
    expect(new Set(await directory.idsWith('employeeId', 'E-1'))).toEqual(new Set([PEOPLE.della, PEOPLE.gus]))
    tenant.change(PEOPLE.rita, { employeeId: 'E-1' })
    expect(await directory.idsWith('employeeId', 'E-1')).toHaveLength(2)
  })
}

function aboutSilence(world: () => DirectoryWorld): void {
  const questions: Record<string, (directory: Directory, signal: AbortSignal) => Promise<unknown>> = {
    person: (directory, signal) => directory.person(PEOPLE.rita, signal),
    managerOf: (directory, signal) => directory.managerOf(PEOPLE.rita, signal),
    groupsOf: (directory, signal) => directory.groupsOf(PEOPLE.rita, [GROUPS.finance], signal),
    membersOf: (directory, signal) => directory.membersOf(GROUPS.finance, signal),
    idsWith: (directory, signal) => directory.idsWith('mail', 'rita@harbour.example', signal),
  }

  test.each(Object.keys(questions))('%s that gets no answer in time is UNAVAILABLE, never an absence', async (name) => {
    world().goSilent()
    const asked = questions[name]?.(world().directory, AbortSignal.timeout(50))
    expect(await refusal(asked)).toEqual({ what: 'the directory', retryAfterSeconds: expect.any(Number) })
  })

  test.each(Object.keys(questions))('%s with its time already over is UNAVAILABLE', async (name) => {
    expect(await refusal(questions[name]?.(world().directory, AbortSignal.abort()))).toMatchObject({
      what: 'the directory',
    })
  })
}

async function refusal(asked: Promise<unknown> | undefined): Promise<object> {
  const error = await asked?.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (isLatchkeyError(error, 'UNAVAILABLE')) return error.facts
  throw new Error('expected UNAVAILABLE', { cause: error })
}
