import { createHash } from 'node:crypto'
import type { z } from 'zod'
import type { Conditions } from '../conditions.ts'
import type { DirectoryAttribute } from '../directory.ts'
import { type Level, sortLevels } from '../levels.ts'
import type { Scope } from '../scope.ts'
import { canonicalJson } from './canonical-json.ts'
import { checkReferences } from './check-references.ts'
import { laterProblem } from './expected-forms.ts'
import { readSource } from './read-yaml.ts'
import { type PlacedFault, RulesFaults } from './rules-faults.ts'
import { type RulesFile, rulesSchema } from './rules-schema.ts'

/** `latchkey.yaml`, read: who may ask for what, and who says yes. */
export interface Rules {
  /** SHA-256 of the meaning, in hex: comments, layout and the order of keys do not change it. */
  readonly hash: string
  /** Name → Entra object id. */
  readonly people: ReadonlyMap<string, string>
  readonly groups: ReadonlyMap<string, string>
  readonly accounts: ReadonlyMap<string, Account>
  readonly buckets: ReadonlyMap<string, Bucket>
  /** Name of an account → who holds grants of the driver `attach` there. */
  readonly principals: ReadonlyMap<string, readonly HolderRow[]>
  /** In the order of the file: where several match an ask, the first one counts. */
  readonly entitlements: readonly Entitlement[]
  readonly reviewTimes: { readonly remindAfterMinutes: number; readonly lapseAfterMinutes: number }
  /** Teams conversation id. */
  readonly securityChannel?: string
}

export interface Account {
  readonly name: string
  /** Twelve digits. */
  readonly id: string
  /** Path and name under the account, as `latchkey/prod`. */
  readonly elevationRole: string
  /** How many there are of it, itself included: `latchkey/prod`, `latchkey/prod-2`, … */
  readonly copies: number
  /** How Latchkey gets into an account that is not its own. */
  readonly hub?: Hub
}

export interface Hub {
  /** Path and name of the role that workers enter to read and write policies. */
  readonly role: string
  /** Of the role that web enters to read what preflight compares. */
  readonly reader: string
  readonly externalId: string
}

export interface Bucket {
  readonly bucket: string
  /** Name of an account. */
  readonly account: string
  readonly region: string
  /** ARN of the key that its objects are encrypted with, where it is one of the customer's own. */
  readonly kmsKey?: string
  /** It uses S3 Bucket Keys: with the driver `attach` the right to the key is then one to all that is encrypted so. */
  readonly bucketKey?: boolean
  readonly owners: readonly Subject[]
}

/** `id`: Entra object id. */
export interface Subject {
  readonly kind: 'group' | 'person'
  readonly name: string
  readonly id: string
}

/** As the rules write it: whose own role or user holds grants of the driver `attach`. */
export interface HolderRow {
  readonly who: Subject
  readonly kind: 'role' | 'user'
  readonly name: string
  /** Of a role, which many share: the attribute of the person that their session's name is. */
  readonly sessionName?: DirectoryAttribute
}

export type Approver = { readonly kind: 'manager' } | Subject

export interface Entitlement {
  readonly name: string
  readonly who: readonly Subject[]
  readonly scopes: readonly Scope[]
  readonly levels: readonly Level[]
  readonly driver: 'session' | 'attach'
  readonly conditions?: Conditions
  readonly defaultMinutes: number
  readonly longestMinutes: number
  /** Any one of them decides. */
  readonly approvers: readonly Approver[]
  readonly lapseAfterMinutes: number
}

/** Throws `RulesFaults` with every fault of the file. */
export function parseRules(text: string): Rules {
  const source = readSource(text)
  if (!source.readable) throw new RulesFaults(source.faults)
  const parsed = rulesSchema.safeParse(source.value)
  const placed = [...(parsed.error?.issues ?? []).flatMap(faultsOf), ...checkReferences(source.value)]
  const faults = [...source.faults, ...placed.map((fault) => source.place(fault))]
  if (!parsed.success || faults.length > 0) throw new RulesFaults(faults)
  return toRules(parsed.data)
}

/** As the rules file writes it: `manager`, `group:finance`, `person:data-lead`. */
export function formatApprover(approver: Approver): string {
  return approver.kind === 'manager' ? 'manager' : `${approver.kind}:${approver.name}`
}

function faultsOf(issue: z.core.$ZodIssue): readonly PlacedFault[] {
  const path = issue.path.filter((step) => typeof step !== 'symbol')
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => {
      const problem = laterProblem(key) ?? `There is no key \`${key}\` here. ${issue.message}`
      return { path: [...path, key], part: 'key', problem }
    })
  if (issue.code === 'invalid_key') return issue.issues.map(({ message }) => ({ path, part: 'key', problem: message }))
  return [{ path, part: 'value', problem: issue.message }]
}

function toRules(file: RulesFile): Rules {
  const { remindAfter, lapseAfter } = file.reviewTimes
  return {
    hash: createHash('sha256').update(canonicalJson(file)).digest('hex'),
    people: new Map(Object.entries(file.people)),
    groups: new Map(Object.entries(file.groups)),
    accounts: new Map(
      Object.entries(file.accounts).map(([name, { hub, ...account }]) => [
        name,
        { name, ...account, ...(hub === undefined ? {} : { hub }) },
      ]),
    ),
    buckets: new Map(Object.entries(file.buckets).map(([bucket, detail]) => [bucket, toBucket(file, bucket, detail)])),
    principals: new Map(Object.entries(file.principals).map(([account, rows]) => [account, toHolders(file, rows)])),
    entitlements: file.entitlements.map((entitlement) => toEntitlement(file, entitlement)),
    reviewTimes: { remindAfterMinutes: remindAfter, lapseAfterMinutes: lapseAfter },
    ...(file.securityChannel === undefined ? {} : { securityChannel: file.securityChannel }),
  }
}

function toBucket(file: RulesFile, bucket: string, detail: RulesFile['buckets'][string]): Bucket {
  const { account, region, kmsKey, bucketKey, owners } = detail
  return {
    bucket,
    account,
    region,
    ...(kmsKey === undefined ? {} : { kmsKey }),
    ...(bucketKey === undefined ? {} : { bucketKey }),
    owners: owners.map((written) => toSubject(file, written)),
  }
}

function toEntitlement(file: RulesFile, written: RulesFile['entitlements'][number]): Entitlement {
  return {
    name: written.name,
    who: written.who.map((subject) => toSubject(file, subject)),
    scopes: written.scopes,
    levels: sortLevels(written.levels),
    driver: written.driver,
    ...(written.conditions === undefined ? {} : { conditions: written.conditions }),
    defaultMinutes: written.duration.default,
    longestMinutes: written.duration.longest,
    approvers: written.approval
      .flatMap(({ from }) => from)
      .map((approver) => (approver === 'manager' ? { kind: 'manager' } : toSubject(file, approver))),
    lapseAfterMinutes: written.reviewTimes?.lapseAfter ?? file.reviewTimes.lapseAfter,
  }
}

function toHolders(file: RulesFile, rows: RulesFile['principals'][string]): readonly HolderRow[] {
  return Object.entries(rows).map(([who, { role, user, sessionName }]) => ({
    who: toSubject(file, who),
    kind: role === undefined ? 'user' : 'role',
    name: role ?? user ?? '',
    ...(sessionName === undefined ? {} : { sessionName }),
  }))
}

function toSubject(file: RulesFile, written: string): Subject {
  const name = written.slice(written.indexOf(':') + 1)
  const kind = written.startsWith('group:') ? 'group' : 'person'
  const id = (kind === 'group' ? file.groups : file.people)[name]
  if (id === undefined) throw new Error(`checkReferences let ${written} pass, which the file does not name`)
  return { kind, name, id }
}
