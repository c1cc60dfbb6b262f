import { GROUPS } from '../sandbox/entra/fixture.ts'

/** One account with two copies of its elevation role, and nobody who holds grants of their own. */
export const TWO_COPIES_RULES = `version: 1
groups: { finance: ${GROUPS.finance}, data-owners: ${GROUPS.dataOwners} }
accounts:
  prod: { id: "111122223333", elevationRole: latchkey/prod, copies: 2 }
buckets:
  finance-reports: { account: prod, region: eu-west-1, owners: ["group:data-owners"] }
entitlements:
  - name: finance-reports
    who: ["group:finance"]
    scopes: [s3://finance-reports/]
    levels: [read, write, delete]
    duration: { default: 45m, longest: 8h }
    approval: [{ need: 1, from: [manager, "group:data-owners"] }]
...
`
