import { AwsError } from '../call.ts'
import { byArn, notFound, type Rule, ruleOf, type Target } from './bus.ts'
import type { Input, TargetInput } from './calls.ts'
import { type EventsCall, invalid, mustAllow } from './events-call.ts'
import type { Json, JsonObject } from './json.ts'
import { isObject } from './json.ts'
import { matchesPattern } from './pattern.ts'
import { parsePattern } from './pattern-syntax.ts'

// "Amazon EventBridge quotas".
const LONGEST_PATTERN = 2048
const MOST_RULES = 300
const MOST_TARGETS = 5

function ruleArn(eventsCall: EventsCall, name: string): string {
  return `${eventsCall.arnStart}rule/${name}`
}

export function putRule(eventsCall: EventsCall, input: Input<'PutRule'>): JsonObject {
  const arn = ruleArn(eventsCall, input.Name)
  mustAllow(eventsCall, 'events:PutRule', arn)
  if (input.EventPattern === undefined)
    return invalid('Parameter(s) EventPattern or ScheduleExpression must be specified.')
  if (input.ScheduleExpression !== undefined) return invalid('The sandbox has no schedules.')
  const pattern = parsePattern(input.EventPattern)
  if (input.EventPattern.length > LONGEST_PATTERN)
    limit(`The event pattern is longer than ${LONGEST_PATTERN} characters.`)
  const { rules } = eventsCall.bus
  if (!rules.has(input.Name) && rules.size >= MOST_RULES)
    limit('The requested resource exceeds the maximum number allowed.')
  rules.set(input.Name, {
    name: input.Name,
    arn,
    description: input.Description,
    patternText: input.EventPattern,
    pattern,
    state: input.State,
    targets: rules.get(input.Name)?.targets ?? new Map(),
    // PutRule ignores tags for an existing rule; only TagResource changes them.
    tags: rules.get(input.Name)?.tags ?? new Map(input.Tags.map(({ Key, Value }) => [Key, Value])),
  })
  return { RuleArn: arn }
}

export function switchRule(eventsCall: EventsCall, name: string, action: 'EnableRule' | 'DisableRule'): JsonObject {
  mustAllow(eventsCall, `events:${action}`, ruleArn(eventsCall, name))
  const state = action === 'EnableRule' ? 'ENABLED' : 'DISABLED'
  eventsCall.bus.rules.set(name, { ...ruleOf(eventsCall.bus, name), state })
  return {}
}

export function tagResource(eventsCall: EventsCall, { ResourceARN, Tags }: Input<'TagResource'>): JsonObject {
  mustAllow(eventsCall, 'events:TagResource', ResourceARN)
  const rule = byArn(eventsCall.bus.rules, ResourceARN) ?? notFound(`Resource ${ResourceARN} does not exist.`)
  const tags = new Map([...rule.tags, ...Tags.map(({ Key, Value }) => [Key, Value] as const)])
  eventsCall.bus.rules.set(rule.name, { ...rule, tags })
  return {}
}

export function listTags(eventsCall: EventsCall, { ResourceARN }: Input<'ListTagsForResource'>): JsonObject {
  mustAllow(eventsCall, 'events:ListTagsForResource', ResourceARN)
  const rule = byArn(eventsCall.bus.rules, ResourceARN) ?? notFound(`Resource ${ResourceARN} does not exist.`)
  return { Tags: [...rule.tags].map(([Key, Value]) => ({ Key, Value })) }
}

function limit(message: string): never {
  throw new AwsError('LimitExceededException', 400, message)
}

function ruleView(rule: Rule): Record<string, Json> {
  return {
    Name: rule.name,
    Arn: rule.arn,
    EventPattern: rule.patternText,
    State: rule.state,
    ...(rule.description === undefined ? {} : { Description: rule.description }),
    EventBusName: 'default',
  }
}

export function describeRule(eventsCall: EventsCall, { Name }: Input<'DescribeRule'>): JsonObject {
  mustAllow(eventsCall, 'events:DescribeRule', ruleArn(eventsCall, Name))
  return { ...ruleView(ruleOf(eventsCall.bus, Name)), CreatedBy: eventsCall.core.state.account }
}

export function listRules(eventsCall: EventsCall, { NamePrefix = '' }: Input<'ListRules'>): JsonObject {
  mustAllow(eventsCall, 'events:ListRules', ruleArn(eventsCall, '*'))
  return { Rules: [...eventsCall.bus.rules.values()].filter(({ name }) => name.startsWith(NamePrefix)).map(ruleView) }
}

/** Deleting a rule that does not exist is no error. */
export function deleteRule(eventsCall: EventsCall, { Name }: Input<'DeleteRule'>): JsonObject {
  mustAllow(eventsCall, 'events:DeleteRule', ruleArn(eventsCall, Name))
  if ((eventsCall.bus.rules.get(Name)?.targets.size ?? 0) > 0) invalid("Rule can't be deleted since it has targets.")
  eventsCall.bus.rules.delete(Name)
  return {}
}

interface FailedEntry extends JsonObject {
  readonly TargetId: string
  readonly ErrorCode: string
  readonly ErrorMessage: string
}

/** Status 200 does not mean that every target was put: FailedEntryCount counts the failures. */
export function putTargets(eventsCall: EventsCall, { Rule: name, Targets }: Input<'PutTargets'>): JsonObject {
  mustAllow(eventsCall, 'events:PutTargets', ruleArn(eventsCall, name))
  const rule = ruleOf(eventsCall.bus, name)
  for (const { RoleArn } of Targets) {
    if (RoleArn === undefined) continue
    mustAllow(eventsCall, 'iam:PassRole', RoleArn, { 'iam:PassedToService': 'events.amazonaws.com' })
  }
  const targets = new Map(rule.targets)
  const failed = Targets.flatMap((target): FailedEntry[] => {
    const [code, message] = faultOf(eventsCall, target)
    if (code !== undefined) return [{ TargetId: target.Id, ErrorCode: code, ErrorMessage: message }]
    targets.set(target.Id, entityOf(target))
    return []
  })
  if (targets.size > MOST_TARGETS) limit('The requested resource exceeds the maximum number allowed.')
  eventsCall.bus.rules.set(name, { ...rule, targets })
  return { FailedEntryCount: failed.length, FailedEntries: failed }
}

function faultOf(
  eventsCall: EventsCall,
  { Arn, RoleArn }: TargetInput,
): readonly [string, string] | readonly [undefined] {
  if (!Arn.startsWith(`${eventsCall.arnStart}api-destination/`)) {
    return ['ValidationException', `The sandbox only delivers to API destinations, not to ${Arn}.`]
  }
  if (byArn(eventsCall.bus.destinations, Arn) === undefined) {
    return ['ResourceNotFoundException', `ApiDestination ${Arn} does not exist.`]
  }
  return RoleArn === undefined ? ['ValidationException', `RoleArn is required for target ${Arn}.`] : [undefined]
}

function entityOf(input: TargetInput): Target {
  return {
    id: input.Id,
    arn: input.Arn,
    roleArn: input.RoleArn,
    retries: input.RetryPolicy?.MaximumRetryAttempts ?? 185,
    longestAgeSeconds: input.RetryPolicy?.MaximumEventAgeInSeconds ?? 86_400,
    deadLetterArn: input.DeadLetterConfig?.Arn,
    headers: input.HttpParameters?.HeaderParameters ?? {},
  }
}

export function listTargetsByRule(eventsCall: EventsCall, { Rule: name }: Input<'ListTargetsByRule'>): JsonObject {
  mustAllow(eventsCall, 'events:ListTargetsByRule', ruleArn(eventsCall, name))
  const targets = [...ruleOf(eventsCall.bus, name).targets.values()].map((target) => ({
    Id: target.id,
    Arn: target.arn,
    ...(target.roleArn === undefined ? {} : { RoleArn: target.roleArn }),
    RetryPolicy: { MaximumRetryAttempts: target.retries, MaximumEventAgeInSeconds: target.longestAgeSeconds },
    ...(target.deadLetterArn === undefined ? {} : { DeadLetterConfig: { Arn: target.deadLetterArn } }),
    ...(Object.keys(target.headers).length === 0 ? {} : { HttpParameters: { HeaderParameters: target.headers } }),
  }))
  return { Targets: targets }
}

export function removeTargets(eventsCall: EventsCall, { Rule: name, Ids }: Input<'RemoveTargets'>): JsonObject {
  mustAllow(eventsCall, 'events:RemoveTargets', ruleArn(eventsCall, name))
  const rule = ruleOf(eventsCall.bus, name)
  eventsCall.bus.rules.set(name, { ...rule, targets: new Map([...rule.targets].filter(([id]) => !Ids.includes(id))) })
  return { FailedEntryCount: 0, FailedEntries: [] }
}

const REQUIRED = ['id', 'account', 'source', 'time', 'region', 'resources', 'detail-type'] as const

export function testEventPattern(eventsCall: EventsCall, input: Input<'TestEventPattern'>): JsonObject {
  mustAllow(eventsCall, 'events:TestEventPattern', '*')
  const pattern = parsePattern(input.EventPattern)
  const event = parseEvent(input.Event)
  const missing = REQUIRED.find((name) => event[name] === undefined)
  if (missing !== undefined) return invalid(`Parameter Event is not valid. Reason: ${missing} is required.`)
  return { Result: matchesPattern(pattern, event) }
}

function parseEvent(text: string): JsonObject {
  try {
    const event: Json = JSON.parse(text)
    return isObject(event) ? event : invalid('Parameter Event is not valid. Reason: it must be an object.')
  } catch (fault) {
    if (fault instanceof SyntaxError) return invalid('Parameter Event is not valid. Reason: it is not JSON.')
    throw fault
  }
}
