import { setTimeout as delay } from 'node:timers/promises'
import {
  CreateConnectionCommand,
  DeleteConnectionCommand,
  DescribeConnectionCommand,
  UpdateConnectionCommand,
} from '@aws-sdk/client-eventbridge'
import { LatchkeyError } from '../../errors.ts'
import { isAwsCode } from '../aws-error.ts'
import { askFor, orAbsent, type RegionClients } from '../region-clients.ts'
import { type DesiredState, KEY_HEADER, markOf, NAME } from './desired-state.ts'

export interface FoundConnection {
  readonly arn: string
  readonly state: string
  readonly authorization: string
  readonly header: string
  readonly description: string
}

const POLL_MS = 500
const MOST_POLLS = 60
const UNDER_WAY = new Set(['CREATING', 'UPDATING', 'AUTHORIZING', 'DELETING', 'DEAUTHORIZING'])

export async function readConnection(clients: RegionClients): Promise<FoundConnection | undefined> {
  const told = await orAbsent(
    askFor(clients, 'to show the connection', () => clients.events.send(new DescribeConnectionCommand({ Name: NAME }))),
  )
  return (
    told && {
      arn: told.ConnectionArn ?? '',
      state: told.ConnectionState ?? 'unknown',
      authorization: told.AuthorizationType ?? 'none',
      header: told.AuthParameters?.ApiKeyAuthParameters?.ApiKeyName ?? 'none',
      description: told.Description ?? '',
    }
  )
}

export function connectionFaults({ keyMark }: DesiredState, found: FoundConnection): readonly string[] {
  const { state, authorization, header, description } = found
  return [
    ...(authorization === 'API_KEY' && header === KEY_HEADER ? [] : [`sends ${authorization} ${header}`]),
    ...(state === 'AUTHORIZED' ? [] : [`is ${state}`]),
    ...(keyMark === undefined || description === describe(keyMark)
      ? []
      : ['sends another key than the first of CLOUDTRAIL_KEYS for this account']),
  ]
}

/** Which key it is; never the key. */
function describe(keyMark: string): string {
  return `Latchkey, key ${keyMark}`
}

/** Makes it, or gives it that key. Ends when AWS has taken it. */
export async function putConnection(clients: RegionClients, key: string): Promise<void> {
  await settled(clients)
  const parameters = {
    Name: NAME,
    Description: describe(markOf(key)),
    AuthorizationType: 'API_KEY',
    AuthParameters: { ApiKeyAuthParameters: { ApiKeyName: KEY_HEADER, ApiKeyValue: key } },
  } as const
  const update = () =>
    askFor(clients, 'to change the connection', () => clients.events.send(new UpdateConnectionCommand(parameters)))
  if (await readConnection(clients)) await update()
  else await createUnlessThere(clients, () => clients.events.send(new CreateConnectionCommand(parameters)), update)
  const found = await settled(clients)
  if (found?.state === 'AUTHORIZED') return
  throw notAuthorized(found?.state ?? 'gone')
}

/** A create whose answer was lost is found to be done already. */
export async function createUnlessThere(
  clients: RegionClients,
  create: () => Promise<unknown>,
  update: () => Promise<unknown>,
): Promise<void> {
  try {
    await askFor(clients, 'to make what is missing', create)
  } catch (error) {
    if (!isAwsCode(error, 'ResourceAlreadyExistsException')) throw error
    await update()
  }
}

export async function deleteConnection(clients: RegionClients): Promise<void> {
  await orAbsent(
    askFor(clients, 'to delete the connection', () => clients.events.send(new DeleteConnectionCommand({ Name: NAME }))),
  )
}

/** When AWS is no longer at work on it. */
async function settled(clients: RegionClients): Promise<FoundConnection | undefined> {
  for (let polls = 0; ; polls += 1) {
    const found = await readConnection(clients)
    if (found === undefined || !UNDER_WAY.has(found.state) || polls === MOST_POLLS) return found
    await delay(POLL_MS)
  }
}

function notAuthorized(state: string): LatchkeyError {
  return new LatchkeyError('AWS_REFUSED', {
    doing: 'to authorize the connection',
    awsCode: state,
    next: 'EventBridge keeps the key in Secrets Manager: see that you may create and write secrets named events!connection/latchkey, and run the same command again.',
  })
}
