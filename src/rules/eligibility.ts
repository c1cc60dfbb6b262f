import type { Person } from './directory.ts'
import { formatDuration } from './duration.ts'
import { type Entitlement, formatApprover, type Subject } from './entitlement.ts'
import { type Level, sortLevels } from './levels.ts'
import { findOwnIdentity, type OwnIdentity } from './principal-rules.ts'
import type { Account, Rules } from './rules.ts'
import { contains, formatScope, type Scope } from './scope.ts'

export interface Ask {
  readonly scopes: readonly Scope[]
  readonly levels: readonly Level[]
  /** Left out: the entitlement's default. */
  readonly durationMinutes?: number
}

/** Whether the rules let this person ask; `reason` and the lines of `mayAsk` are written for the requester. */
export type Eligibility =
  | {
      readonly eligible: true
      readonly entitlement: Entitlement
      readonly account: Account
      /** Of the driver `attach`: who holds it in that account. */
      readonly ownIdentity?: OwnIdentity
      readonly durationMinutes: number
      readonly reason: string
    }
  | {
      readonly eligible: false
      readonly reason: string
      readonly mayAsk: readonly string[]
      /** Absent: the owner of the bucket. */
      readonly tell?: 'an owner of Latchkey'
    }

export interface Asker {
  readonly person: Person
  /** Ids of those groups of the rules that the person is in. */
  readonly groups: ReadonlySet<string>
}

/** What this person may ask for at all; `reason` says why it is nothing. */
export type Offered =
  | { readonly some: true; readonly entitlements: readonly Entitlement[] }
  | { readonly some: false; readonly reason: string }

/** A card and a terminal still show this many at a glance. */
const LONGEST_MAY_ASK = 5
const NAMED_NOWHERE = 'No entitlement names you or a group of yours.'

/** Every group that the rules name, to ask the directory once. */
export function groupIdsOf(rules: Rules): readonly string[] {
  return [...new Set(rules.groups.values())]
}

/**
 * One entitlement must carry the whole ask: scopes, levels and duration. Of several the first in the file counts, so the owner decides by order.
 * A bucket that the rules do not list reads like one that this person may not reach.
 */
export function decideEligibility(rules: Rules, who: Asker, ask: Ask): Eligibility {
  const barred = barredReason(who.person) ?? malformedReason(ask)
  if (barred) return { eligible: false, reason: barred, mayAsk: [] }
  const own = rules.entitlements.filter((entitlement) => grantedTo(entitlement, who) !== undefined)
  const refuse = (reason: string): Eligibility => ({ eligible: false, reason, mayAsk: mayAskOf(own, ask) })

  if (own.length === 0) return refuse(NAMED_NOWHERE)
  if (new Set(ask.scopes.map(({ bucket }) => bucket)).size > 1)
    return refuse('One request reaches one bucket. Ask for each bucket by itself.')
  const inScope = own.filter((entitlement) => ask.scopes.every((scope) => reaches(entitlement, scope)))
  if (inScope.length === 0) return refuse(scopeReason(own, ask))
  const withLevels = inScope.filter(({ levels }) => ask.levels.every((level) => levels.includes(level)))
  if (withLevels.length === 0) return refuse(levelReason(inScope, ask))
  const [entitlement] = withLevels.filter(({ longestMinutes }) => (ask.durationMinutes ?? 0) <= longestMinutes)
  if (entitlement === undefined) return refuse(durationReason(withLevels, ask))
  const account = accountOf(rules, ask)
  if (account === undefined) return refuse(scopeReason(own, ask))
  if (entitlement.driver === 'session') return accept({ entitlement, account }, who, ask)
  const ownIdentity = findOwnIdentity(rules, account, who)
  // What they may ask for is just this, and only the rules or the directory can mend it.
  if ('problem' in ownIdentity)
    return { eligible: false, reason: ownIdentity.problem, mayAsk: [], tell: 'an owner of Latchkey' }
  return accept({ entitlement, account, ownIdentity }, who, ask)
}

/** Each scope of these, at any of its levels, for no longer than its longest time, is eligible. */
export function entitlementsFor(rules: Rules, who: Asker): Offered {
  const barred = barredReason(who.person)
  if (barred) return { some: false, reason: barred }
  const entitlements = rules.entitlements.filter((entitlement) => grantedTo(entitlement, who) !== undefined)
  return entitlements.length > 0 ? { some: true, entitlements } : { some: false, reason: NAMED_NOWHERE }
}

type Found = Pick<Extract<Eligibility, { eligible: true }>, 'entitlement' | 'account' | 'ownIdentity'>

function accept(found: Found, who: Asker, ask: Ask): Eligibility {
  const { entitlement } = found
  const subject = grantedTo(entitlement, who)
  const through = subject ? formatApprover(subject) : who.person.name
  const durationMinutes = ask.durationMinutes ?? entitlement.defaultMinutes
  const reason = `Entitlement ${entitlement.name} lets ${through} ask for ${offer(entitlement)}.`
  return { eligible: true, ...found, durationMinutes, reason }
}

function barredReason({ enabled, guest }: Person): string | undefined {
  if (!enabled) return 'Your account is disabled in the directory.'
  if (guest) return 'You are a guest in this directory, and guests cannot ask for access.'
  return undefined
}

function malformedReason({ scopes, levels, durationMinutes = 1 }: Ask): string | undefined {
  if (scopes.length === 0) return 'The request names no scope.'
  if (levels.length === 0) return 'The request names no level.'
  if (!Number.isSafeInteger(durationMinutes) || durationMinutes < 1)
    return 'A duration is a whole number of minutes, at least 1.'
  return undefined
}

function grantedTo({ who }: Entitlement, { person, groups }: Asker): Subject | undefined {
  return who.find(({ kind, id }) => (kind === 'person' ? id === person.objectId : groups.has(id)))
}

function reaches({ scopes }: Entitlement, asked: Scope): boolean {
  return scopes.some((scope) => contains(scope, asked))
}

function accountOf(rules: Rules, { scopes: [first] }: Ask): Account | undefined {
  const bucket = first && rules.buckets.get(first.bucket)
  return bucket && rules.accounts.get(bucket.account)
}

function scopeReason(own: readonly Entitlement[], { scopes }: Ask): string {
  const outside = scopes.find((scope) => !own.some((entitlement) => reaches(entitlement, scope)))
  if (!outside) return 'No single entitlement of yours reaches all these scopes. Ask for them one by one.'
  const prefix = { ...outside, key: `${outside.key}/` }
  // Without its slash a prefix names one object, which is hardly ever what was meant.
  const isNear = !outside.key.endsWith('/') && own.some((entitlement) => reaches(entitlement, prefix))
  const hint = isNear ? ` Did you mean ${formatScope(prefix)}, with a slash at the end?` : ''
  return `No entitlement of yours reaches ${formatScope(outside)}.${hint}`
}

function levelReason(inScope: readonly Entitlement[], { scopes, levels }: Ask): string {
  const where = scopes.map(formatScope).join(', ')
  const closed = sortLevels(levels).filter(
    (level) => !inScope.some((entitlement) => entitlement.levels.includes(level)),
  )
  return closed.length > 0
    ? `No entitlement of yours allows ${closed.join(', ')} on ${where}.`
    : `No single entitlement of yours allows ${sortLevels(levels).join(', ')} on ${where}. Ask for the levels one by one.`
}

function durationReason(withLevels: readonly Entitlement[], { scopes, levels, durationMinutes = 0 }: Ask): string {
  const longest = formatDuration(Math.max(...withLevels.map(({ longestMinutes }) => longestMinutes)))
  const what = `${sortLevels(levels).join(', ')} on ${scopes.map(formatScope).join(', ')}`
  return `${formatDuration(durationMinutes)} is too long: you may have ${what} for ${longest} at most.`
}

/** Those in the bucket that was asked for come first. */
function mayAskOf(own: readonly Entitlement[], { scopes: asked }: Ask): readonly string[] {
  const isNear = ({ scopes }: Entitlement) =>
    scopes.some(({ bucket }) => asked.some((scope) => scope.bucket === bucket))
  const sorted = [...own.filter(isNear), ...own.filter((entitlement) => !isNear(entitlement))]
  return sorted.slice(0, LONGEST_MAY_ASK).map(describe)
}

/** @example "month-end: read, write on s3://finance-reports/2026/ for up to 4h" */
function describe(entitlement: Entitlement): string {
  return `${entitlement.name}: ${offer(entitlement)}`
}

function offer({ levels, scopes, longestMinutes }: Entitlement): string {
  return `${levels.join(', ')} on ${scopes.map(formatScope).join(', ')} for up to ${formatDuration(longestMinutes)}`
}
