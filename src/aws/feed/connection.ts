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
import { type DesiredState, KEY_HEADER, keyFingerprint, NAME } from './desired-state.ts'

export interface ConnectionState {
  readonly arn: string
  readonly state: string
  readonly authorization: string
  readonly header: string
  readonly description: string
}

const POLL_MS = 500
const MAX_POLLS = 60
/** States in which AWS still works on the connection. */
const IN_PROGRESS = new Set(['CREATING', 'UPDATING', 'AUTHORIZING', 'DELETING', 'DEAUTHORIZING'])

export async function readConnection(clients: RegionClients): Promise<ConnectionState | undefined> {
  const response = await orAbsent(
    askFor(clients, 'to show the connection', () => clients.events.send(new DescribeConnectionCommand({ Name: NAME }))),
  )
  return (
    response && {
      arn: response.ConnectionArn ?? '',
      state: response.ConnectionState ?? 'unknown',
      authorization: response.AuthorizationType ?? 'none',
      header: response.AuthParameters?.ApiKeyAuthParameters?.ApiKeyName ?? 'none',
      description: response.Description ?? '',
    }
  )
}

export function connectionFaults({ fingerprint }: DesiredState, actual: ConnectionState): readonly string[] {
  const { state, authorization, header, description } = actual
  return [
    ...(authorization === 'API_KEY' && header === KEY_HEADER ? [] : [`sends ${authorization} ${header}`]),
    ...(state === 'AUTHORIZED' ? [] : [`is ${state}`]),
    ...(fingerprint === undefined || description === describe(fingerprint)
      ? []
      : ['sends another key than the first of CLOUDTRAIL_KEYS for this account']),
  ]
}

/** The connection's description. It identifies the key by its fingerprint, without the key itself. */
function describe(fingerprint: string): string {
  return `Latchkey, key ${fingerprint}`
}

/** Creates the connection or changes its key, and waits for AWS. @throws AWS_REFUSED unless it becomes AUTHORIZED */
export async function putConnection(clients: RegionClients, key: string): Promise<void> {
  await untilSettled(clients)
  const parameters = {
    Name: NAME,
    Description: describe(keyFingerprint(key)),
    AuthorizationType: 'API_KEY',
    AuthParameters: { ApiKeyAuthParameters: { ApiKeyName: KEY_HEADER, ApiKeyValue: key } },
  } as const
  const update = () =>
    askFor(clients, 'to change the connection', () => clients.events.send(new UpdateConnectionCommand(parameters)))
  if (await readConnection(clients)) await update()
  else await createOrUpdate(clients, () => clients.events.send(new CreateConnectionCommand(parameters)), update)
  const actual = await untilSettled(clients)
  if (actual?.state === 'AUTHORIZED') return
  throw notAuthorized(actual?.state ?? 'gone')
}

/** Creates, or updates when it exists: the SDK may have repeated a create whose answer was lost. */
export async function createOrUpdate(
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

/** Waits until AWS no longer works on the connection, 30 s at most. */
async function untilSettled(clients: RegionClients): Promise<ConnectionState | undefined> {
  for (let polls = 0; ; polls += 1) {
    const actual = await readConnection(clients)
    if (actual === undefined || !IN_PROGRESS.has(actual.state) || polls === MAX_POLLS) return actual
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
