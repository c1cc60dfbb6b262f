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
import { OUR_RULES, type WantedRule } from './event-patterns.ts'
import { isSameJson } from './same-json.ts'

export interface FoundRule {
  readonly name: string
  readonly pattern: string
  readonly state: string
  readonly targets: readonly Target[]
}

/** Every rule of the region that is one of ours by its name. */
export async function readRules(clients: RegionClients): Promise<readonly FoundRule[]> {
  const names: string[] = []
  let NextToken: string | undefined
  do {
    const command = new ListRulesCommand({ NamePrefix: `${NAME}-`, NextToken })
    const page = await askFor(clients, 'to list the rules', () => clients.events.send(command))
    names.push(...(page.Rules ?? []).flatMap(({ Name }) => Name ?? []))
    NextToken = page.NextToken
  } while (NextToken !== undefined)
  const found = await Promise.all(names.filter((name) => OUR_RULES.test(name)).map((name) => readRule(clients, name)))
  return found.flatMap((one) => one ?? [])
}

async function readRule(clients: RegionClients, name: string): Promise<FoundRule | undefined> {
  const told = await orAbsent(
    askFor(clients, `to show the rule ${name}`, () =>
      Promise.all([
        clients.events.send(new DescribeRuleCommand({ Name: name })),
        clients.events.send(new ListTargetsByRuleCommand({ Rule: name })),
      ]),
    ),
  )
  if (told === undefined) return undefined
  const [{ EventPattern = '', State = '' }, { Targets = [] }] = told
  return { name, pattern: EventPattern, state: State, targets: Targets }
}

export function ruleFaults(
  wanted: WantedRule,
  place: FeedRegion,
  found: FoundRule,
  destinationArn: string | undefined,
): readonly string[] {
  const ours = found.targets.find(({ Id }) => Id === NAME)
  const others = found.targets.flatMap(({ Id }) => (Id === undefined || Id === NAME ? [] : [Id]))
  return [
    ...(isSameJson(found.pattern, JSON.parse(wanted.pattern)) ? [] : ['looks for something else']),
    ...(found.state === 'ENABLED' ? [] : [`is ${found.state}`]),
    ...(ours === undefined ? ['has no target'] : targetFaults(ours, entityOf(place, destinationArn ?? ''))),
    ...others.map((id) => `has another target, ${id}`),
  ]
}

function targetFaults(found: Target, wanted: Target): readonly string[] {
  return [
    ...(found.Arn === wanted.Arn ? [] : ['leads to another destination']),
    ...(found.RoleArn === wanted.RoleArn ? [] : ['uses another role']),
    ...(found.DeadLetterConfig?.Arn === wanted.DeadLetterConfig?.Arn ? [] : ['drops what cannot be delivered']),
    ...(isSameJson(JSON.stringify(found.RetryPolicy ?? {}), RETRY) ? [] : ['gives up early']),
  ]
}

function entityOf(place: FeedRegion, Arn: string): Target {
  return {
    Id: NAME,
    Arn,
    RoleArn: invokeRoleArn(place),
    RetryPolicy: RETRY,
    DeadLetterConfig: { Arn: deadLettersArn(place) },
  }
}

export interface RulePut {
  readonly wanted: WantedRule
  readonly found: FoundRule | undefined
  readonly place: FeedRegion
  readonly destinationArn: string
}

export async function putRule(
  clients: RegionClients,
  { wanted, found, place, destinationArn }: RulePut,
): Promise<void> {
  const { name, pattern, description } = wanted
  const Tags = found === undefined ? { Tags: TAGS } : {}
  await askFor(clients, `to make the rule ${name}`, () =>
    clients.events.send(
      new PutRuleCommand({ Name: name, EventPattern: pattern, Description: description, State: 'ENABLED', ...Tags }),
    ),
  )
  await putTarget(clients, name, entityOf(place, destinationArn))
  await removeTargets(
    clients,
    name,
    (found?.targets ?? []).flatMap(({ Id }) => (Id === undefined || Id === NAME ? [] : [Id])),
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

interface Outcome {
  readonly FailedEntryCount?: number | undefined
  readonly FailedEntries?: readonly { readonly ErrorCode?: string | undefined }[] | undefined
}

/** EventBridge answers 200 and counts in it what it did not do. */
function refuseFailed({ FailedEntryCount = 0, FailedEntries = [] }: Outcome, rule: string): void {
  if (FailedEntryCount === 0) return
  throw new LatchkeyError('AWS_REFUSED', {
    doing: `to take a target of the rule ${rule}`,
    awsCode: FailedEntries[0]?.ErrorCode ?? 'FailedEntryCount',
    next: 'Run the same command again when that is mended: it goes on where it stopped.',
  })
}

/** A rule with targets cannot be deleted. */
export async function deleteRule(clients: RegionClients, { name, targets }: FoundRule): Promise<void> {
  await removeTargets(
    clients,
    name,
    targets.flatMap(({ Id }) => Id ?? []),
  )
  await orAbsent(
    askFor(clients, `to delete the rule ${name}`, () => clients.events.send(new DeleteRuleCommand({ Name: name }))),
  )
}
