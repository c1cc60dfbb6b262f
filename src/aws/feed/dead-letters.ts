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

/** The queue for events that EventBridge could not deliver. */
export interface QueueState {
  readonly arn: string
  readonly policy: string
  readonly retentionSeconds: string
  readonly encrypted: string
  /** Approximate number of messages. */
  readonly messages: number
}

/** Fourteen days, the longest that SQS keeps a message. */
const RETENTION_SECONDS = '1209600'

export async function readDeadLetters(clients: RegionClients): Promise<QueueState | undefined> {
  const QueueUrl = await readUrl(clients)
  if (QueueUrl === undefined) return undefined
  const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] })
  const response = await orAbsent(askFor(clients, `to show the queue ${DEAD_LETTERS}`, () => clients.sqs.send(command)))
  const attributes = response?.Attributes
  return (
    attributes && {
      arn: attributes.QueueArn ?? '',
      policy: attributes.Policy ?? '',
      retentionSeconds: attributes.MessageRetentionPeriod ?? '',
      encrypted: attributes.SqsManagedSseEnabled ?? 'false',
      messages: Number(attributes.ApproximateNumberOfMessages ?? 0),
    }
  )
}

async function readUrl(clients: RegionClients): Promise<string | undefined> {
  const command = new GetQueueUrlCommand({ QueueName: DEAD_LETTERS })
  const response = await orAbsent(askFor(clients, `to show the queue ${DEAD_LETTERS}`, () => clients.sqs.send(command)))
  return response?.QueueUrl
}

export function deadLettersFaults({ feedRegion }: DesiredState, actual: QueueState): readonly string[] {
  return [
    ...(isSameJson(actual.policy, deadLettersPolicy(feedRegion))
      ? []
      : ['does not take messages of our rules, and only theirs']),
    ...(actual.retentionSeconds === RETENTION_SECONDS ? [] : [`keeps messages for ${actual.retentionSeconds} seconds`]),
    ...(actual.encrypted === 'true' ? [] : ['is not encrypted by SQS']),
  ]
}

export async function putDeadLetters(clients: RegionClients, { feedRegion }: DesiredState): Promise<void> {
  const Attributes = {
    Policy: JSON.stringify(deadLettersPolicy(feedRegion)),
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
  const creation = askFor(clients, `to make the queue ${DEAD_LETTERS}`, async () => {
    if (command instanceof CreateQueueCommand) await clients.sqs.send(command)
    else await clients.sqs.send(command)
  })
  await creation.catch((error: unknown) => {
    throw nameNotFreeError(error) ?? error
  })
}

/** SQS frees the name of a deleted queue after 60 seconds ("CreateQueue"). The SDK's error does not say that. */
function nameNotFreeError(error: unknown): LatchkeyError | undefined {
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
