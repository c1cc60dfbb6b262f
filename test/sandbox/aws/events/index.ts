import type { SandboxCore, ServiceHandler } from '../call.ts'
import { evaluate } from '../evaluator.ts'
import { parsePolicy } from '../policy.ts'
import { type Bus, byArn, emptyBus, type Rule, type Target } from './bus.ts'
import { type Courier, type CourierOptions, courier } from './courier.ts'
import type { Resolution } from './delivery.ts'
import { eventsHandler } from './handler.ts'
import { matchesPattern } from './pattern.ts'
import { type BusEvent, recordsOf } from './trail.ts'

/** What a test does and sees of CloudTrail and EventBridge. */
export interface SandboxEvents extends Omit<Courier, 'send' | 'stop'> {
  /** Every record of every authenticated call, matched by a rule or not. */
  records(): readonly BusEvent[]
  /** The first record, past or future, that fits. */
  waitForRecord(fits: (event: BusEvent) => boolean, signal?: AbortSignal): Promise<BusEvent>
}

export function createEvents(
  core: SandboxCore,
  options: CourierOptions = {},
): { readonly handler: ServiceHandler; readonly events: SandboxEvents } {
  const buses = new Map<string, Bus>()
  const records: BusEvent[] = []
  const listeners = new Set<(event: BusEvent) => void>()
  const { send, stop, ...controls } = courier(core.clock, options)

  function busOf(region: string): Bus {
    const bus = buses.get(region) ?? emptyBus(region)
    buses.set(region, bus)
    return bus
  }

  function publish(event: BusEvent): void {
    const bus = busOf(event.region)
    for (const rule of bus.rules.values()) {
      if (!reaches(rule, event) || !matchesPattern(rule.pattern, event)) continue
      for (const target of rule.targets.values()) {
        const resolve = () => resolveTarget(core, bus, rule, target)
        send({ event, ruleArn: rule.arn, target, resolve })
      }
    }
  }

  core.onFinished((call) => {
    for (const record of recordsOf(call, core.state)) {
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

/** Management events whose name begins with List, Get or Describe reach only rules that ask for them; data events reach all. */
function reaches(rule: Rule, { detail }: BusEvent): boolean {
  if (rule.state === 'DISABLED') return false
  if (rule.state === 'ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS' || detail.managementEvent !== true) return true
  return !/^(List|Get|Describe)/.test(String(detail.eventName))
}

/** EventBridge calls with the target's role: it must trust EventBridge and be allowed to invoke the destination. */
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

function mayInvoke({ state, clock }: SandboxCore, rule: Rule, target: Target): boolean {
  const role = [...state.roles.values()].find(({ arn }) => arn === target.roleArn)
  if (role === undefined || !trustsEventBridge(role.trustPolicy)) return false
  const context = { 'aws:SourceArn': rule.arn, 'aws:SourceAccount': state.account }
  const documents = [...role.inline.asOf(clock.now() - state.propagationMs).values()]
  const verdict = evaluate({
    identityPolicies: documents.map(parsePolicy),
    principal: { arn: role.arn, account: state.account, roleArn: role.arn },
    request: { action: 'events:InvokeApiDestination', resource: target.arn, context },
  })
  return verdict.allowed
}

/** The principal of a service is not part of the evaluator's question: it is only looked for here. */
function trustsEventBridge(trustPolicy: string): boolean {
  const { statements } = parsePolicy(trustPolicy)
  return statements.some(
    ({ effect, principals }) => effect === 'Allow' && (principals?.Service ?? []).includes('events.amazonaws.com'),
  )
}
