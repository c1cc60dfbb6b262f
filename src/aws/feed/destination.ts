import {
  CreateApiDestinationCommand,
  DeleteApiDestinationCommand,
  DescribeApiDestinationCommand,
  UpdateApiDestinationCommand,
} from '@aws-sdk/client-eventbridge'
import { askFor, orAbsent, type RegionClients } from '../region-clients.ts'
import { createOrUpdate } from './connection.ts'
import { type DesiredState, NAME, RATE_PER_SECOND } from './desired-state.ts'

export interface DestinationState {
  readonly arn: string
  readonly state: string
  readonly connectionArn: string
  readonly endpoint: string
  readonly method: string
  readonly ratePerSecond: number
}

export async function readDestination(clients: RegionClients): Promise<DestinationState | undefined> {
  const response = await orAbsent(
    askFor(clients, 'to show the API destination', () =>
      clients.events.send(new DescribeApiDestinationCommand({ Name: NAME })),
    ),
  )
  return (
    response && {
      arn: response.ApiDestinationArn ?? '',
      state: response.ApiDestinationState ?? 'unknown',
      connectionArn: response.ConnectionArn ?? '',
      endpoint: response.InvocationEndpoint ?? '',
      method: response.HttpMethod ?? '',
      ratePerSecond: response.InvocationRateLimitPerSecond ?? RATE_PER_SECOND,
    }
  )
}

export function destinationFaults(
  { endpoint }: DesiredState,
  actual: DestinationState,
  connectionArn: string | undefined,
): readonly string[] {
  return [
    ...(actual.endpoint === endpoint && actual.method === 'POST'
      ? []
      : [`leads to ${actual.method} ${actual.endpoint}`]),
    ...(actual.connectionArn === connectionArn ? [] : ['uses another connection']),
    ...(actual.ratePerSecond === RATE_PER_SECOND ? [] : [`lets ${actual.ratePerSecond} a second through`]),
    ...(actual.state === 'ACTIVE' ? [] : [`is ${actual.state}`]),
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
  else await createOrUpdate(clients, () => clients.events.send(new CreateApiDestinationCommand(parameters)), update)
}

export async function deleteDestination(clients: RegionClients): Promise<void> {
  await orAbsent(
    askFor(clients, 'to delete the API destination', () =>
      clients.events.send(new DeleteApiDestinationCommand({ Name: NAME })),
    ),
  )
}
