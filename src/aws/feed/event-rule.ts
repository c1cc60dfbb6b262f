import {
  DeleteRuleCommand,
  DescribeRuleCommand,
  ListRulesCommand,
  ListTargetsByRuleCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
  type Target,
} from '@aws-sdk/client-eventbridge'
import { LatchkeyError } from '../../errors.ts'
import { askFor, orAbsent, type RegionClients } from '../region-clients.ts'
import type { FeedRegion } from '../regions.ts'
import { deadLettersArn, invokeRoleArn, NAME, RETRY, TAGS } from './desired-state.ts'
import { type DesiredRule, LATCHKEY_RULES } from './event-patterns.ts'
import { isSameJson } from './same-json.ts'

export interface RuleState {
  readonly name: string
  readonly pattern: string
  readonly state: string
  readonly targets: readonly Target[]
}

/** The region's rules that have a name of Latchkey's rules. */
export async function readRules(clients: RegionClients): Promise<readonly RuleState[]> {
  const names: string[] = []
  let NextToken: string | undefined
  do {
    const command = new ListRulesCommand({ NamePrefix: `${NAME}-`, NextToken })
    const page = await askFor(clients, 'to list the rules', () => clients.events.send(command))
    names.push(...(page.Rules ?? []).flatMap(({ Name }) => Name ?? []))
    NextToken = page.NextToken
  } while (NextToken !== undefined)
  const rules = await Promise.all(
    names.filter((name) => LATCHKEY_RULES.test(name)).map((name) => readRule(clients, name)),
  )
  return rules.flatMap((one) => one ?? [])
}

async function readRule(clients: RegionClients, name: string): Promise<RuleState | undefined> {
  const response = await orAbsent(
    askFor(clients, `to show the rule ${name}`, () =>
      Promise.all([
        clients.events.send(new DescribeRuleCommand({ Name: name })),
        clients.events.send(new ListTargetsByRuleCommand({ Rule: name })),
      ]),
    ),
  )
  if (response === undefined) return undefined
  const [{ EventPattern = '', State = '' }, { Targets = [] }] = response
  return { name, pattern: EventPattern, state: State, targets: Targets }
}

export function ruleFaults(
  desired: DesiredRule,
  feedRegion: FeedRegion,
  actual: RuleState,
  destinationArn: string | undefined,
): readonly string[] {
  const target = actual.targets.find(({ Id }) => Id === NAME)
  const others = actual.targets.flatMap(({ Id }) => (Id === undefined || Id === NAME ? [] : [Id]))
  return [
    ...(isSameJson(actual.pattern, JSON.parse(desired.pattern)) ? [] : ['looks for something else']),
    ...(actual.state === 'ENABLED' ? [] : [`is ${actual.state}`]),
    ...(target === undefined
      ? ['has no target']
      : targetFaults(target, desiredTarget(feedRegion, destinationArn ?? ''))),
    ...others.map((id) => `has another target, ${id}`),
  ]
}

function targetFaults(actual: Target, desired: Target): readonly string[] {
  return [
    ...(actual.Arn === desired.Arn ? [] : ['leads to another destination']),
    ...(actual.RoleArn === desired.RoleArn ? [] : ['uses another role']),
    ...(actual.DeadLetterConfig?.Arn === desired.DeadLetterConfig?.Arn ? [] : ['drops what cannot be delivered']),
    ...(isSameJson(JSON.stringify(actual.RetryPolicy ?? {}), RETRY) ? [] : ['gives up early']),
  ]
}

function desiredTarget(feedRegion: FeedRegion, Arn: string): Target {
  return {
    Id: NAME,
    Arn,
    RoleArn: invokeRoleArn(feedRegion),
    RetryPolicy: RETRY,
    DeadLetterConfig: { Arn: deadLettersArn(feedRegion) },
  }
}

export interface RulePut {
  readonly desired: DesiredRule
  /** Undefined: AWS has no rule of that name yet. */
  readonly existing: RuleState | undefined
  readonly feedRegion: FeedRegion
  readonly destinationArn: string
}

export async function putRule(
  clients: RegionClients,
  { desired, existing, feedRegion, destinationArn }: RulePut,
): Promise<void> {
  const { name, pattern, description } = desired
  const Tags = existing === undefined ? { Tags: TAGS } : {}
  await askFor(clients, `to make the rule ${name}`, () =>
    clients.events.send(
      new PutRuleCommand({ Name: name, EventPattern: pattern, Description: description, State: 'ENABLED', ...Tags }),
    ),
  )
  await putTarget(clients, name, desiredTarget(feedRegion, destinationArn))
  await removeTargets(
    clients,
    name,
    (existing?.targets ?? []).flatMap(({ Id }) => (Id === undefined || Id === NAME ? [] : [Id])),
  )
}

async function putTarget(clients: RegionClients, rule: string, target: Target): Promise<void> {
  const command = new PutTargetsCommand({ Rule: rule, Targets: [target] })
  refuseFailed(await askFor(clients, `to give the rule ${rule} its target`, () => clients.events.send(command)), rule)
}

async function removeTargets(clients: RegionClients, rule: string, Ids: string[]): Promise<void> {
  if (Ids.length === 0) return
  const command = new RemoveTargetsCommand({ Rule: rule, Ids })
  refuseFailed(
    await askFor(clients, `to take the targets of the rule ${rule}`, () => clients.events.send(command)),
    rule,
  )
}

interface TargetsAnswer {
  readonly FailedEntryCount?: number | undefined
  readonly FailedEntries?: readonly { readonly ErrorCode?: string | undefined }[] | undefined
}

/** EventBridge answers 200 even when it refused entries; the answer counts them. */
function refuseFailed({ FailedEntryCount = 0, FailedEntries = [] }: TargetsAnswer, rule: string): void {
  if (FailedEntryCount === 0) return
  throw new LatchkeyError('AWS_REFUSED', {
    doing: `to take a target of the rule ${rule}`,
    awsCode: FailedEntries[0]?.ErrorCode ?? 'FailedEntryCount',
    next: 'Run the same command again when that is mended: it goes on where it stopped.',
  })
}

/** Removes the rule's targets first, because EventBridge deletes no rule that has targets. */
export async function deleteRule(clients: RegionClients, { name, targets }: RuleState): Promise<void> {
  await removeTargets(
    clients,
    name,
    targets.flatMap(({ Id }) => Id ?? []),
  )
  await orAbsent(
    askFor(clients, `to delete the rule ${name}`, () => clients.events.send(new DeleteRuleCommand({ Name: name }))),
  )
}
