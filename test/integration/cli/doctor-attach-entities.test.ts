import { afterAll, expect, test } from 'vitest'
import { entityFaults } from '../../../src/aws/doctor/attach-entity-faults.ts'
import { regionClients } from '../../../src/aws/region-clients.ts'
import { LatchkeyError } from '../../../src/errors.ts'
import { openUseCases } from '../../fixtures/use-cases.ts'

/** `latchkey doctor` checks the IAM entities of the driver `attach` as a request does. */

const useCases = await openUseCases('doctor-holders', {
  seed: { entities: [{ kind: 'user', name: 'finn' }] },
})
afterAll(() => useCases.close())

const who = { kind: 'person', id: 'finn', name: 'finn' } as const
const user = (name: string) => ({ who, kind: 'user', name }) as const
const check = (...names: readonly string[]) =>
  entityFaults(regionClients('eu-west-1', useCases.fixture.log), '111122223333', names.map(user))

test('a holder in order has no faults', async () => {
  expect(await check('finn')).toEqual([{ entity: 'user finn', faults: [] }])
})

test('a holder without its boundary is named with the fault', async () => {
  const finn = useCases.aws.state.users.get('finn')
  if (finn === undefined) throw new Error('The sandbox has the user.')
  finn.boundaryArn = undefined
  expect(await check('finn')).toEqual([{ entity: 'user finn', faults: ['The user finn has no permissions boundary.'] }])
})

test('a holder that is gone is named', async () => {
  useCases.aws.state.users.delete('finn')
  expect(await check('finn')).toEqual([{ entity: 'user finn', faults: ['There is no such user.'] }])
})

test('what Latchkey itself refuses is not called a refusal of AWS', () => {
  const facts = {
    doing: 'access on user finn',
    awsCode: 'HolderNotInOrder',
    next: 'See the log.',
    by: 'Latchkey',
  } as const
  expect(new LatchkeyError('AWS_REFUSED', facts).message).toBe('Latchkey refused access on user finn. See the log.')
})
