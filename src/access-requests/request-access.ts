import { byPerson } from '../audit/events.ts'
import { denySlotLimits, holdDenySlot, pickReplica } from '../grants/deny-capacity.ts'
import type { Driver, GrantDraft } from '../grants/driver.ts'
import type { Principal } from '../grants/principal.ts'
import { type Message, messagesDue } from '../messages/message.ts'
import type { Caller } from '../rules/caller.ts'
import type { Directory, Person } from '../rules/directory.ts'
import type { AskedApprover } from '../rules/find-approvers.ts'
import type { AskableLevel } from '../rules/levels.ts'
import type { Rules } from '../rules/rules.ts'
import { formatScope, type Scope } from '../rules/scope.ts'
import { auditRefusals } from '../store/audit-refusal.ts'
import { type Commit, joinCommits } from '../store/commit.ts'
import { newId } from '../store/ids.ts'
import { ASKS_OF, PENDING_OF, REQUESTS_OF, TO_REVIEW_BY } from '../store/indexes.ts'
import { type RecordPort, refuseWithoutRoom } from '../store/record-store.ts'
import type { AccessRequest } from './access-request.ts'
import { type Eligible, readRequester, refuseUnlessEligible, refuseWithoutApprovers } from './check-eligibility.ts'
import { type Extending, refuseAskedAlready, refuseShorter } from './extension.ts'
import { type AmongFew, askLimits, refuseSpentLimits, saidOnce } from './request-limits.ts'
import { signRequest, type UnsignedRequest } from './request-mac.ts'
import { makeMessages, newMessageWrites, type Thread } from './request-messages.ts'

export interface AskDeps {
  readonly record: RecordPort
  readonly rules: Rules
  readonly directory: Directory
  readonly driver: Pick<Driver, 'preflight' | 'checkBucket'>
  readonly approvalKey: string
  /** Whether any CloudTrail record of this bucket ever arrived. */
  readonly isFeedProven: (bucket: string) => Promise<boolean>
  /** Limits how many requests of one person this process handles at the same time. */
  readonly amongFew: AmongFew
}

export interface AskInput {
  readonly scopes: readonly Scope[]
  readonly levels: readonly AskableLevel[]
  readonly durationMinutes?: number
  readonly reason: string
  readonly ticket?: string
  /** Present when the request was made in Teams. */
  readonly thread?: Thread
  /** Present in an extension. The scopes and levels are then those of the extended grant. */
  readonly extending?: Extending
}

interface Found {
  readonly decision: Eligible
  readonly asked: readonly AskedApprover[]
  readonly principal: Principal
  readonly warnings: readonly string[]
}

/**
 * Makes an access request and its messages to the approvers. All refusals happen before any approver is asked, and each
 * gives its reason.
 * @throws TOO_MANY, UNAVAILABLE, NOT_ELIGIBLE, QUOTA_FULL, AWS_REFUSED, BAD_INPUT or CONFLICT
 */
export async function requestAccess(deps: AskDeps, caller: Caller, input: AskInput): Promise<AccessRequest> {
  const facts = {
    scopes: input.scopes.map(formatScope),
    levels: [...input.levels],
    durationMinutes: input.durationMinutes ?? 0,
  }
  return await auditRefusals(deps.record, caller, { kind: 'ask.refused', ...facts }, () =>
    deps.amongFew(caller, () => takeAsk(deps, caller, input)),
  )
}

/** The limits come first, because checking them needs neither the directory nor AWS. */
async function takeAsk(deps: AskDeps, caller: Caller, input: AskInput): Promise<AccessRequest> {
  await refuseWithoutRoom(deps.record)
  await refuseSpentLimits(deps.record, caller)
  const requester = await readRequester(deps.directory, caller)
  const decision = await refuseUnlessEligible(deps, requester, input)
  const asked = await refuseWithoutApprovers(deps.directory, decision, requester)
  const chosen = await findPrincipal(deps, caller, decision, input)
  return await commitRequest(deps, requester, input, { decision, asked, ...chosen })
}

/** An extension keeps the principal of its grant and needs no full preflight, because AWS already allowed it. */
async function findPrincipal(deps: AskDeps, caller: Caller, decision: Eligible, input: AskInput) {
  const draft = draftOf(decision, caller, input)
  const [nowMs, unproven] = await Promise.all([deps.record.now(), feedWarnings(deps, input)])
  if (input.extending) {
    const { principal, grantId } = input.extending
    refuseShorter(input.extending, decision.durationMinutes, nowMs)
    const { thread } = input
    await refuseAskedAlready(deps.record, caller.objectId, { grantId, thread }, decision.durationMinutes)
    return { principal, warnings: [...(await deps.driver.checkBucket(draft, principal)), ...unproven] }
  }
  const { principals, warnings } = await deps.driver.preflight(draft)
  return { principal: await pickReplica(deps.record, principals, nowMs), warnings: [...warnings, ...unproven] }
}

/** Warns the approver while CloudTrail has not yet told of the bucket, because writes to it may not be seen. */
async function feedWarnings({ isFeedProven }: AskDeps, { scopes: [first] }: AskInput): Promise<readonly string[]> {
  if (!first || (await isFeedProven(first.bucket))) return []
  return [`What is written in ${first.bucket} may not show here: CloudTrail has told nothing of this bucket yet.`]
}

function draftOf({ account, entitlement, ownIdentity }: Eligible, caller: Caller, input: AskInput): GrantDraft {
  const { conditions } = entitlement
  return {
    account: account.id,
    grantId: newId('g'),
    requester: caller.objectId,
    scopes: input.scopes,
    levels: input.levels,
    ...(conditions === undefined ? {} : { conditions }),
    ...(ownIdentity === undefined ? {} : { ownIdentity }),
  }
}

async function commitRequest(
  { record, approvalKey }: AskDeps,
  requester: Person,
  input: AskInput,
  found: Found,
): Promise<AccessRequest> {
  const nowMs = await record.now()
  const id = newId('r')
  const approvers = found.asked.map(({ person }) => person)
  const messages = makeMessages(id, requester, approvers, input.thread)
  const request = signRequest(approvalKey, makeRequest(nowMs, requester, input, { ...found, id, messages }))
  const once = saidOnce(input.thread, id, nowMs)
  const own = requester.objectId
  const asking: Commit = {
    records: [{ kind: 'request', id, expectedVersion: 0, next: request }, ...newMessageWrites(messages)],
    due: [{ kind: 'requests', id, at: Date.parse(request.lapsesAt) }],
    indexes: [
      { kind: REQUESTS_OF, value: own, id, at: nowMs },
      { kind: PENDING_OF, value: own, id, at: nowMs },
      { kind: ASKS_OF, value: own, id, at: nowMs },
      ...approvers.map(({ objectId }) => ({ kind: TO_REVIEW_BY, value: objectId, id, at: nowMs })),
      ...holdDenySlot(found.principal, id, Date.parse(request.lapsesAt)),
    ],
    limits: [...askLimits(requester, nowMs), ...denySlotLimits(found.principal, nowMs)],
    audit: [
      {
        kind: 'request.asked',
        actor: byPerson(own),
        requestId: id,
        scopes: [...request.scopes],
        levels: [...request.levels],
        durationMinutes: request.durationMinutes,
        entitlement: request.entitlement,
        reason: request.reason,
      },
    ],
  }
  await record.commit(joinCommits(once, asking, messagesDue(id, nowMs, 'r1')))
  return request
}

function makeRequest(
  nowMs: number,
  requester: Person,
  input: AskInput,
  {
    decision,
    asked,
    principal,
    warnings,
    id,
    messages,
  }: Found & { readonly id: string; readonly messages: readonly Message[] },
): UnsignedRequest {
  return {
    id,
    status: 'pending',
    requester: { objectId: requester.objectId, name: requester.name },
    scopes: input.scopes.map(formatScope),
    levels: [...input.levels],
    durationMinutes: decision.durationMinutes,
    reason: input.reason,
    ticket: input.ticket ?? '',
    entitlement: decision.entitlement.name,
    ...(input.extending === undefined ? {} : { extends: input.extending.grantId }),
    principal,
    ...(decision.entitlement.conditions === undefined ? {} : { conditions: decision.entitlement.conditions }),
    ...(warnings.length === 0 ? {} : { warnings: [...warnings] }),
    asked: asked.map(({ person, as }) => ({ objectId: person.objectId, name: person.name, as })),
    askedAt: new Date(nowMs).toISOString(),
    lapsesAt: new Date(nowMs + decision.entitlement.lapseAfterMinutes * 60_000).toISOString(),
    reviews: [],
    copies: messages.map((message) => message.id),
  }
}
