import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  SetQueueAttributesCommand,
} from '@aws-sdk/client-sqs'
import { isLatchkeyError, LatchkeyError } from '../../errors.ts'
import { askFor, orAbsent, type WiringDesk } from '../region-clients.ts'
import { DEAD_LETTERS, deadLettersPolicy, TAGS, type Wanted } from './desired-state.ts'
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

export async function readDeadLetters(desk: WiringDesk): Promise<FoundQueue | undefined> {
  const QueueUrl = await readUrl(desk)
  if (QueueUrl === undefined) return undefined
  const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] })
  const told = await orAbsent(askFor(desk, `to show the queue ${DEAD_LETTERS}`, () => desk.sqs.send(command)))
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

async function readUrl(desk: WiringDesk): Promise<string | undefined> {
  const command = new GetQueueUrlCommand({ QueueName: DEAD_LETTERS })
  const told = await orAbsent(askFor(desk, `to show the queue ${DEAD_LETTERS}`, () => desk.sqs.send(command)))
  return told?.QueueUrl
}

export function deadLettersFaults({ place }: Wanted, found: FoundQueue): readonly string[] {
  return [
    ...(isSameJson(found.policy, deadLettersPolicy(place))
      ? []
      : ['does not take messages of our rules, and only theirs']),
    ...(found.retentionSeconds === RETENTION_SECONDS ? [] : [`keeps messages for ${found.retentionSeconds} seconds`]),
    ...(found.encrypted === 'true' ? [] : ['is not encrypted by SQS']),
  ]
}

export async function putDeadLetters(desk: WiringDesk, { place }: Wanted): Promise<void> {
  const Attributes = {
    Policy: JSON.stringify(deadLettersPolicy(place)),
    MessageRetentionPeriod: RETENTION_SECONDS,
    SqsManagedSseEnabled: 'true',
  }
  const QueueUrl = await readUrl(desk)
  const command =
    QueueUrl === undefined
      ? new CreateQueueCommand({
          QueueName: DEAD_LETTERS,
          Attributes,
          tags: Object.fromEntries(TAGS.map(({ Key, Value }) => [Key, Value])),
        })
      : new SetQueueAttributesCommand({ QueueUrl, Attributes })
  const making = askFor(desk, `to make the queue ${DEAD_LETTERS}`, async () => {
    if (command instanceof CreateQueueCommand) await desk.sqs.send(command)
    else await desk.sqs.send(command)
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

export async function deleteDeadLetters(desk: WiringDesk): Promise<void> {
  const QueueUrl = await readUrl(desk)
  if (QueueUrl === undefined) return
  await orAbsent(
    askFor(desk, `to delete the queue ${DEAD_LETTERS}`, () => desk.sqs.send(new DeleteQueueCommand({ QueueUrl }))),
  )
}
