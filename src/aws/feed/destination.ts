import {
  CreateApiDestinationCommand,
  DeleteApiDestinationCommand,
  DescribeApiDestinationCommand,
  UpdateApiDestinationCommand,
} from '@aws-sdk/client-eventbridge'
import { askFor, orAbsent, type RegionClients } from '../region-clients.ts'
import { createUnlessThere } from './connection.ts'
import { type DesiredState, NAME, RATE_PER_SECOND } from './desired-state.ts'

export interface FoundDestination {
  readonly arn: string
  readonly state: string
  readonly connectionArn: string
  readonly endpoint: string
  readonly method: string
  readonly ratePerSecond: number
}

export async function readDestination(clients: RegionClients): Promise<FoundDestination | undefined> {
  const told = await orAbsent(
    askFor(clients, 'to show the API destination', () =>
      clients.events.send(new DescribeApiDestinationCommand({ Name: NAME })),
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
  { endpoint }: DesiredState,
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

export async function putDestination(
  clients: RegionClients,
  { endpoint }: DesiredState,
  ConnectionArn: string,
): Promise<void> {
  const parameters = {
    Name: NAME,
    ConnectionArn,
    InvocationEndpoint: endpoint,
    HttpMethod: 'POST',
    InvocationRateLimitPerSecond: RATE_PER_SECOND,
  } as const
  const update = () =>
    askFor(clients, 'to change the API destination', () =>
      clients.events.send(new UpdateApiDestinationCommand(parameters)),
    )
  if (await readDestination(clients)) await update()
  else await createUnlessThere(clients, () => clients.events.send(new CreateApiDestinationCommand(parameters)), update)
}

export async function deleteDestination(clients: RegionClients): Promise<void> {
  await orAbsent(
    askFor(clients, 'to delete the API destination', () =>
      clients.events.send(new DeleteApiDestinationCommand({ Name: NAME })),
    ),
  )
}
