import { randomUUID } from 'node:crypto'
import type { FinishedCall, ServiceHandler } from '../call.ts'
import type { SandboxCore } from '../core.ts'
import { evaluate } from '../evaluator.ts'
import { parsePolicy } from '../policy.ts'
import { allowsService } from '../service-principal.ts'
import { putDeadLetter } from '../sqs.ts'
import type { AwsState } from '../state.ts'
import { type Bus, byArn, emptyBus, type Rule, type Target } from './bus.ts'
import { type Courier, type CourierOptions, courier } from './courier.ts'
import type { Resolution, Undelivered } from './delivery.ts'
import { eventsHandler } from './handler.ts'
import { matchesPattern } from './pattern.ts'
import { type BusEvent, recordsOf } from './trail.ts'

/** What a test can control and observe of CloudTrail and EventBridge. */
export interface SandboxEvents extends Omit<Courier, 'send' | 'stop'> {
  /** The records of all authenticated calls, whether or not a rule matched them. */
  records(): readonly BusEvent[]
  /** Resolves with the first record that matches, past or future. */
  waitForRecord(fits: (event: BusEvent) => boolean, signal?: AbortSignal): Promise<BusEvent>
}

export function createEvents(
  core: SandboxCore,
  options: CourierOptions = {},
): { readonly handler: ServiceHandler; readonly events: SandboxEvents } {
  const buses = new Map<string, Bus>()
  const records: BusEvent[] = []
  const listeners = new Set<(event: BusEvent) => void>()
  const { send, stop, ...controls } = courier(core.clock, { ...options, onGivenUp: (lost) => putAside(core, lost) })

  function busOf(account: string, region: string): Bus {
    const bus = buses.get(`${account}/${region}`) ?? emptyBus(region)
    buses.set(`${account}/${region}`, bus)
    return bus
  }

  function publish(event: BusEvent): void {
    const bus = busOf(event.account, event.region)
    for (const rule of bus.rules.values()) {
      if (!reaches(rule, event) || !matchesPattern(rule.pattern, event)) continue
      for (const target of rule.targets.values()) {
        const resolve = () => resolveTarget(core, bus, rule, target)
        send({ event, ruleArn: rule.arn, target, resolve })
      }
    }
  }

  core.onFinished((call) => {
    const accounts = accountsOf(core, call)
    const sharedId = accounts.length > 1 ? randomUUID() : undefined
    for (const record of accounts.flatMap((state) => recordsOf(call, state, sharedId))) {
      records.push(record)
      for (const listener of [...listeners]) listener(record)
      publish(record)
    }
  })

  function waitForRecord(fits: (event: BusEvent) => boolean, signal?: AbortSignal): Promise<BusEvent> {
    const past = records.find(fits)
    if (past !== undefined) return Promise.resolve(past)
    return new Promise((resolve, reject) => {
      const listener = (event: BusEvent) => {
        if (!fits(event)) return
        listeners.delete(listener)
        resolve(event)
      }
      listeners.add(listener)
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
  }

  return {
    handler: { ...eventsHandler({ core, busOf, publish }), stop },
    events: { ...controls, records: () => [...records], waitForRecord },
  }
}

/** Management events named List…, Get… or Describe… reach only rules that ask for them. Data events reach all rules. */
function reaches(rule: Rule, { detail }: BusEvent): boolean {
  if (rule.state === 'DISABLED') return false
  if (rule.state === 'ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS' || detail.managementEvent !== true) return true
  return !/^(List|Get|Describe)/.test(String(detail.eventName))
}

/** EventBridge uses the target's role. The role must trust EventBridge and must be allowed to invoke the destination. */
function resolveTarget(core: SandboxCore, bus: Bus, rule: Rule, target: Target): Resolution {
  const destination = byArn(bus.destinations, target.arn)
  const connection = destination && byArn(bus.connections, destination.connectionArn)
  if (destination === undefined || connection === undefined) {
    return { code: 'NO_RESOURCE', message: 'The API destination or its connection does not exist.' }
  }
  if (!mayInvoke(core, rule, target)) {
    return { code: 'NO_PERMISSIONS', message: `${target.roleArn} may not be used to invoke ${target.arn}.` }
  }
  const headers = { ...target.headers, [connection.keyName]: connection.keyValue }
  return { endpoint: destination.endpoint, method: destination.method, headers }
}

function mayInvoke(core: SandboxCore, rule: Rule, target: Target): boolean {
  const account = rule.arn.split(':')[4] ?? ''
  const { roles, propagationMs } = core.account(account)
  const role = [...roles.values()].find(({ arn }) => arn === target.roleArn)
  const context = { 'aws:SourceArn': rule.arn, 'aws:SourceAccount': account }
  const entering = { action: 'sts:AssumeRole', resource: role?.arn ?? '', context }
  if (role === undefined || !allowsService(role.trustPolicy, 'events.amazonaws.com', entering)) return false
  const documents = [...role.inline.asOf(core.clock.now() - propagationMs).values()]
  const verdict = evaluate({
    identityPolicies: documents.map(parsePolicy),
    principal: { arn: role.arn, account, roleArn: role.arn },
    request: { action: 'events:InvokeApiDestination', resource: target.arn, context },
  })
  return verdict.allowed
}

/** CloudTrail records a call in the caller's account and in the account that owns the bucket. */
function accountsOf(core: SandboxCore, { identity, parameters }: FinishedCall): readonly AwsState[] {
  const ids = [identity?.account, core.state.buckets.get(String(parameters.bucketName))?.account]
  return [...new Set(ids.flatMap((id) => id ?? []))].map((id) => core.account(id))
}

/** Puts the event on the dead-letter queue with EventBridge's message attributes ("Using dead-letter queues"). */
function putAside(core: SandboxCore, lost: Undelivered): void {
  const { deadLetterArn, ruleArn, targetArn, errorCode, errorMessage, retryAttempts, event } = lost
  if (deadLetterArn === undefined) return
  const attributes = {
    RULE_ARN: ruleArn,
    TARGET_ARN: targetArn,
    ERROR_CODE: errorCode,
    ERROR_MESSAGE: errorMessage,
    RETRY_ATTEMPTS: String(retryAttempts),
  }
  putDeadLetter(core, deadLetterArn, ruleArn, { body: JSON.stringify(event), attributes })
}
