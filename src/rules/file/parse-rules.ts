import { createHash } from 'node:crypto'
import type { z } from 'zod'
import type { Entitlement, Subject } from '../entitlement.ts'
import { sortLevels } from '../levels.ts'
import type { Bucket, PrincipalRule, Rules } from '../rules.ts'
import { canonicalJson } from './canonical-json.ts'
import { checkReferences } from './check-references.ts'
import { laterProblem } from './expected-forms.ts'
import { readSource } from './read-yaml.ts'
import { type PathFault, RulesFaults } from './rules-faults.ts'
import { type RulesFile, rulesSchema } from './rules-schema.ts'

/** Parses and checks the text of `latchkey.yaml`. @throws RulesFaults with every fault of the file */
export function parseRules(text: string): Rules {
  const source = readSource(text)
  if (!source.readable) throw new RulesFaults(source.faults)
  const parsed = rulesSchema.safeParse(source.value)
  const atPaths = [...(parsed.error?.issues ?? []).flatMap(faultsOf), ...checkReferences(source.value)]
  const faults = [...source.faults, ...atPaths.map((fault) => source.locate(fault))]
  if (!parsed.success || faults.length > 0) throw new RulesFaults(faults)
  return toRules(parsed.data)
}

function faultsOf(issue: z.core.$ZodIssue): readonly PathFault[] {
  const path = issue.path.filter((step) => typeof step !== 'symbol')
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => {
      const problem = laterProblem(key) ?? `There is no key \`${key}\` here. ${issue.message}`
      return { path: [...path, key], blamed: 'key', problem }
    })
  if (issue.code === 'invalid_key')
    return issue.issues.map(({ message }) => ({ path, blamed: 'key', problem: message }))
  return [{ path, blamed: 'value', problem: issue.message }]
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
    principals: new Map(
      Object.entries(file.principals).map(([account, rows]) => [account, toPrincipalRules(file, rows)]),
    ),
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

function toPrincipalRules(file: RulesFile, rows: RulesFile['principals'][string]): readonly PrincipalRule[] {
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
  if (id === undefined)
    throw new Error(`checkReferences should have refused ${written}, which the file does not define`)
  return { kind, name, id }
}
