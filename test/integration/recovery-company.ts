import { GROUPS, PEOPLE, TENANT_ID } from '../sandbox/entra/fixture.ts'
import { createRoster } from '../sandbox/teams/roster.ts'

/** Two copies of a role for sessions, and somebody whose own user holds grants: what a lost or older record must take away. */

export const RECOVERY_RULES = `version: 1
people: { finn: ${PEOPLE.finn} }
groups: { finance: ${GROUPS.finance}, data-owners: ${GROUPS.dataOwners} }
accounts:
  prod: { id: "111122223333", elevationRole: latchkey/prod, copies: 2 }
buckets:
  finance-reports: { account: prod, region: eu-west-1, owners: ["group:data-owners"] }
principals:
  prod:
    person:finn: { user: finn }
entitlements:
  - name: own-user
    who: ["person:finn"]
    scopes: [s3://finance-reports/]
    levels: [read, write]
    driver: attach
    duration: { default: 45m, longest: 8h }
    approval: [{ need: 1, from: [manager, "group:data-owners"] }]
  - name: finance-reports
    who: ["group:finance"]
    scopes: [s3://finance-reports/]
    levels: [read, write, delete]
    duration: { default: 45m, longest: 8h }
    approval: [{ need: 1, from: [manager, "group:data-owners"] }]
...
`

export const RECOVERY_SEED = { copies: 2, holders: [{ kind: 'user', name: 'finn' }] } as const

/** By which the sandbox's Teams makes the id of its channel: so rules can name it before there is a Teams. */
export const APP_ID = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
export const SECURITY_CHANNEL = createRoster({ appId: APP_ID, tenantId: TENANT_ID, botName: 'Latchkey' }).channel.id
export const TOLD_RULES = RECOVERY_RULES.replace('version: 1\n', `version: 1\nsecurityChannel: "${SECURITY_CHANNEL}"\n`)
