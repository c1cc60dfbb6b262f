import type { Person } from '../../../src/rules/directory.ts'
import type { Entitlement } from '../../../src/rules/entitlement.ts'
import { parseRules } from '../../../src/rules/file/parse-rules.ts'
import { type RulesFault, RulesFaults } from '../../../src/rules/file/rules-faults.ts'
import type { Rules } from '../../../src/rules/rules.ts'

export const TENANT = 'b0a1c2d3-0000-4000-8000-000000000001'
export const FINANCE = '6f0c1d0a-52f1-4a57-8f0e-3f3c5e7b9d21'
export const OWNERS = '9a1e77c3-0a43-4a0b-b6d5-2f8e6c0b1a32'
export const LEAD = '0b6f2a34-7d0e-4f7c-9a55-1c1f0f9d2a10'
export const ADA = 'aaaaaaaa-0000-4000-8000-00000000000a'
export const BO = 'bbbbbbbb-0000-4000-8000-00000000000b'

export const RULES_TEXT = `version: 1
people: {lead: ${LEAD}}
groups:
  finance: ${FINANCE}
  owners: ${OWNERS}
accounts:
  prod: {id: "111122223333", elevationRole: latchkey/prod}
buckets:
  finance-reports: {account: prod, region: eu-west-1, owners: [group:owners]}
  payroll: {account: prod, region: eu-west-1}
entitlements:
  - name: month-end
    who: [group:finance]
    scopes: [s3://finance-reports/2026/, s3://payroll/out/]
    levels: [read, write]
    duration: {default: 45m, longest: 4h}
    approval: [{need: 1, from: [manager]}]
  - name: clean-up
    who: [group:finance, person:lead]
    scopes: [s3://finance-reports/tmp/]
    levels: [delete]
    duration: {default: 30m, longest: 1h}
    approval: [{need: 1, from: [manager, group:owners, person:lead]}]
  - name: long-read
    who: [group:finance]
    scopes: [s3://finance-reports/]
    levels: [read]
    duration: {default: 1h, longest: 2d}
    reviewTimes: {lapseAfter: 1h}
    approval: [{need: 1, from: [person:lead]}]
...
`

export function rules(): Rules {
  return parseRules(RULES_TEXT)
}

export function entitlement(name: string): Entitlement {
  const found = rules().entitlements.find((candidate) => candidate.name === name)
  if (found === undefined) throw new Error(`the rules of the tests have no entitlement ${name}`)
  return found
}

export function person(objectId: string, change: Partial<Person> = {}): Person {
  return { objectId, tenantId: TENANT, name: `person ${objectId[0]}`, enabled: true, guest: false, ...change }
}

/** The rules of the tests with one text replaced. */
export function change(from: string, to: string): string {
  if (!RULES_TEXT.includes(from)) throw new Error(`the rules of the tests do not hold ${from}`)
  return RULES_TEXT.replace(from, () => to)
}

export function faultsOf(text: string): readonly RulesFault[] {
  try {
    parseRules(text)
  } catch (error) {
    if (error instanceof RulesFaults) return error.faults
    throw error
  }
  return []
}
