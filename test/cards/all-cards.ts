import { renderHelp } from '../../src/cards/help-card.ts'
import { renderAccess } from '../../src/cards/my-access-card.ts'
import { type CardReader, renderCard } from '../../src/cards/request-card.ts'
import { renderForm } from '../../src/cards/request-form.ts'
import { renderNotice } from '../../src/cards/security-notice-card.ts'
import { NOTICES, PUBLIC_URL, STATES } from '../fixtures/sample-views.ts'

/** Every card of Latchkey, once. */

export const READERS: Readonly<Record<CardReader['role'], CardReader>> = {
  requester: { role: 'requester' },
  approver: { role: 'approver', hasApproved: true },
  everybody: { role: 'everybody', refreshFor: ['29:rita'] },
}

export const SOME_OFFERS = [
  {
    name: 'month-end',
    scopes: ['s3://finance-reports/2026/', 's3://payroll/out/'],
    levels: ['read', 'write'],
    defaultMinutes: 45,
    longestMinutes: 240,
  },
  {
    name: 'clean-up',
    scopes: ['s3://finance-reports/2026/', 's3://finance-reports/tmp/'],
    levels: ['delete'],
    defaultMinutes: 30,
    longestMinutes: 60,
  },
] as const

const REQUESTER_ID = '11111111-1111-4111-8111-111111111111'
const form = { requesterId: REQUESTER_ID, entitlements: SOME_OFFERS }
const given = { scope: 's3://finance-reports/2026/q3/', levels: ['write'], duration: '2h', ticket: 'FIN-4711' } as const

interface AnyCard {
  readonly name: string
  readonly card: object
  readonly summary: string
}

export function allCards(): readonly AnyCard[] {
  const requests = Object.entries(STATES).flatMap(([state, shown]) =>
    Object.values(READERS).map((reader) => ({
      name: `${state} (${reader.role})`,
      ...renderCard(shown, reader, PUBLIC_URL),
    })),
  )
  const notices = Object.entries(NOTICES).map(([name, notice]) => ({
    name: `notice: ${name}`,
    ...renderNotice(notice),
  }))
  const { active, pending, expired, denied } = STATES
  return [
    ...requests,
    { name: 'form', ...renderForm(form) },
    {
      name: 'form, refused',
      ...renderForm({
        ...form,
        given,
        problem: 'No entitlement of yours allows delete on s3://finance-reports/2026/q3/.',
      }),
    },
    { name: 'form, nothing to ask for', ...renderForm({ ...form, entitlements: [] }) },
    { name: 'my access', ...renderAccess([active, pending, expired, denied], [pending]) },
    { name: 'my access, none', ...renderAccess([], []) },
    { name: 'help', ...renderHelp() },
    ...notices,
  ]
}
