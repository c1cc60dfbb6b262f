import { type AuditEvent, byPerson } from '../audit/events.ts'
import { holdPlace, pickPlace, placeLimits } from '../grants/deny-capacity.ts'
import type { Driver, GrantDraft } from '../grants/driver.ts'
import type { Principal } from '../grants/principal.ts'
import { type Copy, makeCopies, newCopies, showAgain, type Thread } from '../messages/message.ts'
import type { Caller } from '../rules/caller.ts'
import type { Directory, Person } from '../rules/directory.ts'
import type { AskedApprover } from '../rules/find-approvers.ts'
import type { AskableLevel } from '../rules/levels.ts'
import type { Rules } from '../rules/rules.ts'
import { formatScope, type Scope } from '../rules/scope.ts'
import { isRefusal, recordRefusal } from '../store/audit-refusal.ts'
import { newId } from '../store/ids.ts'
import { ASKS_OF, PENDING_OF, REQUESTS_OF, TO_REVIEW_BY } from '../store/indexes.ts'
import { type RecordPort, refuseWithoutRoom } from '../store/record-store.ts'
import type { AccessRequest } from './access-request.ts'
import { type Eligible, readRequester, refuseUnlessEligible, refuseWithoutApprovers } from './check-eligibility.ts'
import { type Extending, refuseAskedAlready, refuseShorter } from './extension.ts'
import { type AmongFew, askLimits, refuseSpentLimits, saidOnce } from './request-limits.ts'
import { signAsk, type UnsignedRequest } from './request-mac.ts'

export interface AskNeeds {
  readonly record: RecordPort
  readonly rules: Rules
  readonly directory: Directory
  readonly driver: Pick<Driver, 'preflight' | 'checkBucket'>
  readonly approvalKey: string
  /** Whether a CloudTrail record of that bucket ever came. */
  readonly isFeedProven: (bucket: string) => Promise<boolean>
  /** Of this process. */
  readonly amongFew: AmongFew
}

export interface AskInput {
  readonly scopes: readonly Scope[]
  readonly levels: readonly AskableLevel[]
  readonly durationMinutes?: number
  readonly reason: string
  readonly ticket?: string
  /** Where they asked, when it was in Teams. */
  readonly thread?: Thread
  /** For a live grant to go on; everything else is then as that grant has it. */
  readonly extending?: Extending
}

interface Found {
  readonly decision: Eligible
  readonly asked: readonly AskedApprover[]
  readonly principal: Principal
  readonly warnings: readonly string[]
}

/** A person asks for access. Everything that can be refused is refused here, with the reason, before anybody else is bothered. */
export async function requestAccess(needs: AskNeeds, caller: Caller, input: AskInput): Promise<AccessRequest> {
  try {
    return await needs.amongFew(caller, () => takeAsk(needs, caller, input))
  } catch (error) {
    await writeRefusal(needs.record, caller, input, error)
    throw error
  }
}

/** What is refused by counting comes first: it costs nobody else anything. */
async function takeAsk(needs: AskNeeds, caller: Caller, input: AskInput): Promise<AccessRequest> {
  await refuseWithoutRoom(needs.record)
  await refuseSpentLimits(needs.record, caller)
  const requester = await readRequester(needs.directory, caller)
  const decision = await refuseUnlessEligible(needs, requester, input)
  const asked = await refuseWithoutApprovers(needs.directory, decision, requester)
  const holding = await findPrincipal(needs, caller, decision, input)
  return await commitRequest(needs, requester, input, { decision, asked, ...holding })
}

/** What is to go on stays with its principal, which AWS was seen to allow. */
async function findPrincipal(needs: AskNeeds, caller: Caller, decision: Eligible, input: AskInput) {
  const draft = draftOf(decision, caller, input)
  const [nowMs, unproven] = await Promise.all([needs.record.now(), feedWarnings(needs, input)])
  if (input.extending) {
    const { principal, grantId } = input.extending
    refuseShorter(input.extending, decision.durationMinutes, nowMs)
    const { thread } = input
    await refuseAskedAlready(needs.record, caller.objectId, { grantId, thread }, decision.durationMinutes)
    return { principal, warnings: [...(await needs.driver.checkBucket(draft, principal)), ...unproven] }
  }
  const { principals, warnings } = await needs.driver.preflight(draft)
  return { principal: await pickPlace(needs.record, principals, nowMs), warnings: [...warnings, ...unproven] }
}

/** What is written there may go unseen: that is for the approver to weigh. */
async function feedWarnings({ isFeedProven }: AskNeeds, { scopes: [first] }: AskInput): Promise<readonly string[]> {
  if (!first || (await isFeedProven(first.bucket))) return []
  return [`What is written in ${first.bucket} may not show here: CloudTrail has told nothing of this bucket yet.`]
}

function draftOf({ account, entitlement, holder }: Eligible, caller: Caller, input: AskInput): GrantDraft {
  const { conditions } = entitlement
  return {
    account: account.id,
    grantId: newId('g'),
    requester: caller.objectId,
    scopes: input.scopes,
    levels: input.levels,
    ...(conditions === undefined ? {} : { conditions }),
    ...(holder === undefined ? {} : { holder }),
  }
}

async function commitRequest(
  { record, approvalKey }: AskNeeds,
  requester: Person,
  input: AskInput,
  found: Found,
): Promise<AccessRequest> {
  const nowMs = await record.now()
  const id = newId('r')
  const approvers = found.asked.map(({ person }) => person)
  const copies = makeCopies(id, requester, approvers, input.thread)
  const request = signAsk(approvalKey, makeRequest(nowMs, requester, input, { ...found, id, copies }))
  const once = saidOnce(input.thread, id, nowMs)
  const own = requester.objectId
  const shown = showAgain(id, nowMs, 'r1')
  await record.commit({
    records: [{ kind: 'request', id, expectedVersion: 0, next: request }, ...newCopies(copies)],
    due: [{ kind: 'requests', id, at: Date.parse(request.lapsesAt) }, ...shown.due],
    indexes: [
      { kind: REQUESTS_OF, value: own, id, at: nowMs },
      { kind: PENDING_OF, value: own, id, at: nowMs },
      { kind: ASKS_OF, value: own, id, at: nowMs },
      ...approvers.map(({ objectId }) => ({ kind: TO_REVIEW_BY, value: objectId, id, at: nowMs })),
      ...holdPlace(found.principal, id, Date.parse(request.lapsesAt)),
      ...once.indexes,
    ],
    limits: [...once.limits, ...askLimits(requester, nowMs), ...placeLimits(found.principal, nowMs)],
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
    jobs: shown.jobs,
  })
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
    copies,
  }: Found & { readonly id: string; readonly copies: readonly Copy[] },
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
    copies: copies.map((copy) => copy.id),
  }
}

async function writeRefusal(record: RecordPort, caller: Caller, input: AskInput, error: unknown): Promise<void> {
  if (!isRefusal(error)) return
  const event: AuditEvent = {
    kind: 'ask.refused',
    actor: byPerson(caller.objectId),
    code: error.code,
    sentence: error.message,
    scopes: input.scopes.map(formatScope),
    levels: [...input.levels],
    durationMinutes: input.durationMinutes ?? 0,
  }
  await recordRefusal(record, caller, event)
}
