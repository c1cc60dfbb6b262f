import {
  CreateApiDestinationCommand,
  DeleteApiDestinationCommand,
  DescribeApiDestinationCommand,
  UpdateApiDestinationCommand,
} from '@aws-sdk/client-eventbridge'
import { askFor, orAbsent, type WiringDesk } from '../region-clients.ts'
import { createUnlessThere } from './connection.ts'
import { NAME, RATE_PER_SECOND, type Wanted } from './desired-state.ts'

export interface FoundDestination {
  readonly arn: string
  readonly state: string
  readonly connectionArn: string
  readonly endpoint: string
  readonly method: string
  readonly ratePerSecond: number
}

export async function readDestination(desk: WiringDesk): Promise<FoundDestination | undefined> {
  const told = await orAbsent(
    askFor(desk, 'to show the API destination', () =>
      desk.events.send(new DescribeApiDestinationCommand({ Name: NAME })),
    ),
  )
  return (
    told && {
      arn: told.ApiDestinationArn ?? '',
      state: told.ApiDestinationState ?? 'unknown',
      connectionArn: told.ConnectionArn ?? '',
      endpoint: told.InvocationEndpoint ?? '',
      method: told.HttpMethod ?? '',
      ratePerSecond: told.InvocationRateLimitPerSecond ?? RATE_PER_SECOND,
    }
  )
}

export function destinationFaults(
  { endpoint }: Wanted,
  found: FoundDestination,
  connectionArn: string | undefined,
): readonly string[] {
  return [
    ...(found.endpoint === endpoint && found.method === 'POST' ? [] : [`leads to ${found.method} ${found.endpoint}`]),
    ...(found.connectionArn === connectionArn ? [] : ['uses another connection']),
    ...(found.ratePerSecond === RATE_PER_SECOND ? [] : [`lets ${found.ratePerSecond} a second through`]),
    ...(found.state === 'ACTIVE' ? [] : [`is ${found.state}`]),
  ]
}

export async function putDestination(desk: WiringDesk, { endpoint }: Wanted, ConnectionArn: string): Promise<void> {
  const parameters = {
    Name: NAME,
    ConnectionArn,
    InvocationEndpoint: endpoint,
    HttpMethod: 'POST',
    InvocationRateLimitPerSecond: RATE_PER_SECOND,
  } as const
  const update = () =>
    askFor(desk, 'to change the API destination', () => desk.events.send(new UpdateApiDestinationCommand(parameters)))
  if (await readDestination(desk)) await update()
  else await createUnlessThere(desk, () => desk.events.send(new CreateApiDestinationCommand(parameters)), update)
}

export async function deleteDestination(desk: WiringDesk): Promise<void> {
  await orAbsent(
    askFor(desk, 'to delete the API destination', () =>
      desk.events.send(new DeleteApiDestinationCommand({ Name: NAME })),
    ),
  )
}
