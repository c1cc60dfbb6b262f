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
  /** Absent: the entitlement's default is used. */
  readonly durationMinutes?: number
}

/**
 * Whether the rules let a person ask for something. `reason` and the lines of `mayAsk` are sentences for the requester.
 */
export type Eligibility =
  | {
      readonly eligible: true
      readonly entitlement: Entitlement
      readonly account: Account
      /** The requester's own role or user in the account; only with the driver `attach`. */
      readonly ownIdentity?: OwnIdentity
      readonly durationMinutes: number
      readonly reason: string
    }
  | {
      readonly eligible: false
      readonly reason: string
      readonly mayAsk: readonly string[]
      /** Whom the requester should contact. Absent: the owner of the bucket. */
      readonly tell?: 'an owner of Latchkey'
    }

export interface Asker {
  readonly person: Person
  /** Ids of the rules' groups of which the person is a member. */
  readonly groups: ReadonlySet<string>
}

/** The entitlements under which a person may ask. `reason` says why there is none. */
export type Offered =
  | { readonly some: true; readonly entitlements: readonly Entitlement[] }
  | { readonly some: false; readonly reason: string }

/** Longest list of alternatives in a refusal, so that a card or terminal can show it at once. */
const MAX_ALTERNATIVES = 5
const NAMED_NOWHERE = 'No entitlement names you or a group of yours.'

/** Ids of all groups in the rules, for one query to the directory. */
export function groupIdsOf(rules: Rules): readonly string[] {
  return [...new Set(rules.groups.values())]
}

/**
 * Decides whether one entitlement allows the whole ask: scopes, levels and duration. If several do, the first in the
 * file is used. The reason does not reveal whether a bucket is missing from the rules or only not open to this person.
 */
export function decideEligibility(rules: Rules, who: Asker, ask: Ask): Eligibility {
  const barred = barredReason(who.person) ?? inputFault(ask)
  if (barred) return { eligible: false, reason: barred, mayAsk: [] }
  const own = rules.entitlements.filter((entitlement) => matchingSubject(entitlement, who) !== undefined)
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
  // No alternatives are offered: only a change of the rules or the directory can help.
  if ('problem' in ownIdentity)
    return { eligible: false, reason: ownIdentity.problem, mayAsk: [], tell: 'an owner of Latchkey' }
  return accept({ entitlement, account, ownIdentity }, who, ask)
}

/** The entitlements under which this person may ask. */
export function entitlementsFor(rules: Rules, who: Asker): Offered {
  const barred = barredReason(who.person)
  if (barred) return { some: false, reason: barred }
  const entitlements = rules.entitlements.filter((entitlement) => matchingSubject(entitlement, who) !== undefined)
  return entitlements.length > 0 ? { some: true, entitlements } : { some: false, reason: NAMED_NOWHERE }
}

type Match = Pick<Extract<Eligibility, { eligible: true }>, 'entitlement' | 'account' | 'ownIdentity'>

function accept(match: Match, who: Asker, ask: Ask): Eligibility {
  const { entitlement } = match
  const subject = matchingSubject(entitlement, who)
  const subjectText = subject ? formatApprover(subject) : who.person.name
  const durationMinutes = ask.durationMinutes ?? entitlement.defaultMinutes
  const reason = `Entitlement ${entitlement.name} lets ${subjectText} ask for ${offerText(entitlement)}.`
  return { eligible: true, ...match, durationMinutes, reason }
}

function barredReason({ enabled, guest }: Person): string | undefined {
  if (!enabled) return 'Your account is disabled in the directory.'
  if (guest) return 'You are a guest in this directory, and guests cannot ask for access.'
  return undefined
}

function inputFault({ scopes, levels, durationMinutes = 1 }: Ask): string | undefined {
  if (scopes.length === 0) return 'The request names no scope.'
  if (levels.length === 0) return 'The request names no level.'
  if (!Number.isSafeInteger(durationMinutes) || durationMinutes < 1)
    return 'A duration is a whole number of minutes, at least 1.'
  return undefined
}

function matchingSubject({ who }: Entitlement, { person, groups }: Asker): Subject | undefined {
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
  // A prefix without its slash means one object. People who write that mostly mean the prefix.
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

/** Alternatives for a refusal; those in the same bucket come first. */
function mayAskOf(own: readonly Entitlement[], { scopes: asked }: Ask): readonly string[] {
  const isNear = ({ scopes }: Entitlement) =>
    scopes.some(({ bucket }) => asked.some((scope) => scope.bucket === bucket))
  const sorted = [...own.filter(isNear), ...own.filter((entitlement) => !isNear(entitlement))]
  return sorted.slice(0, MAX_ALTERNATIVES).map(describe)
}

/** @example "month-end: read, write on s3://finance-reports/2026/ for up to 4h" */
function describe(entitlement: Entitlement): string {
  return `${entitlement.name}: ${offerText(entitlement)}`
}

function offerText({ levels, scopes, longestMinutes }: Entitlement): string {
  return `${levels.join(', ')} on ${scopes.map(formatScope).join(', ')} for up to ${formatDuration(longestMinutes)}`
}
