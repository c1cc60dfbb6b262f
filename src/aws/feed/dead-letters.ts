import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  SetQueueAttributesCommand,
} from '@aws-sdk/client-sqs'
import { isLatchkeyError, LatchkeyError } from '../../errors.ts'
import { askFor, orAbsent, type RegionClients } from '../region-clients.ts'
import { DEAD_LETTERS, type DesiredState, deadLettersPolicy, TAGS } from './desired-state.ts'
import { isSameJson } from './same-json.ts'

/** Where EventBridge puts what it could not bring. */
export interface FoundQueue {
  readonly arn: string
  readonly policy: string
  readonly retentionSeconds: string
  readonly encrypted: string
  /** How many lie there, about. */
  readonly messages: number
}

/** Fourteen days, the most. */
const RETENTION_SECONDS = '1209600'

export async function readDeadLetters(clients: RegionClients): Promise<FoundQueue | undefined> {
  const QueueUrl = await readUrl(clients)
  if (QueueUrl === undefined) return undefined
  const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] })
  const told = await orAbsent(askFor(clients, `to show the queue ${DEAD_LETTERS}`, () => clients.sqs.send(command)))
  const found = told?.Attributes
  return (
    found && {
      arn: found.QueueArn ?? '',
      policy: found.Policy ?? '',
      retentionSeconds: found.MessageRetentionPeriod ?? '',
      encrypted: found.SqsManagedSseEnabled ?? 'false',
      messages: Number(found.ApproximateNumberOfMessages ?? 0),
    }
  )
}

async function readUrl(clients: RegionClients): Promise<string | undefined> {
  const command = new GetQueueUrlCommand({ QueueName: DEAD_LETTERS })
  const told = await orAbsent(askFor(clients, `to show the queue ${DEAD_LETTERS}`, () => clients.sqs.send(command)))
  return told?.QueueUrl
}

export function deadLettersFaults({ place }: DesiredState, found: FoundQueue): readonly string[] {
  return [
    ...(isSameJson(found.policy, deadLettersPolicy(place))
      ? []
      : ['does not take messages of our rules, and only theirs']),
    ...(found.retentionSeconds === RETENTION_SECONDS ? [] : [`keeps messages for ${found.retentionSeconds} seconds`]),
    ...(found.encrypted === 'true' ? [] : ['is not encrypted by SQS']),
  ]
}

export async function putDeadLetters(clients: RegionClients, { place }: DesiredState): Promise<void> {
  const Attributes = {
    Policy: JSON.stringify(deadLettersPolicy(place)),
    MessageRetentionPeriod: RETENTION_SECONDS,
    SqsManagedSseEnabled: 'true',
  }
  const QueueUrl = await readUrl(clients)
  const command =
    QueueUrl === undefined
      ? new CreateQueueCommand({
          QueueName: DEAD_LETTERS,
          Attributes,
          tags: Object.fromEntries(TAGS.map(({ Key, Value }) => [Key, Value])),
        })
      : new SetQueueAttributesCommand({ QueueUrl, Attributes })
  const making = askFor(clients, `to make the queue ${DEAD_LETTERS}`, async () => {
    if (command instanceof CreateQueueCommand) await clients.sqs.send(command)
    else await clients.sqs.send(command)
  })
  await making.catch((error: unknown) => {
    throw freedSoon(error) ?? error
  })
}

/** "CreateQueue": the name of a queue that was deleted is free again after 60 seconds. */
function freedSoon(error: unknown): LatchkeyError | undefined {
  if (!isLatchkeyError(error, 'AWS_REFUSED')) return undefined
  if (!/(?:^|\.)QueueDeletedRecently$/.test(error.facts.awsCode)) return undefined
  const next = 'SQS frees the name of a queue 60 seconds after it was deleted: run the same command again then.'
  return new LatchkeyError('AWS_REFUSED', { ...error.facts, next })
}

export async function deleteDeadLetters(clients: RegionClients): Promise<void> {
  const QueueUrl = await readUrl(clients)
  if (QueueUrl === undefined) return
  await orAbsent(
    askFor(clients, `to delete the queue ${DEAD_LETTERS}`, () =>
      clients.sqs.send(new DeleteQueueCommand({ QueueUrl })),
    ),
  )
}
