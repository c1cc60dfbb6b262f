import { createHash, randomUUID } from 'node:crypto'
import { z } from 'zod'
import { AwsError, type ServiceHandler } from './call.ts'
import type { SandboxCore } from './core.ts'
import type { JsonObject } from './events/json.ts'
import { type JsonVisit, jsonCall, jsonService } from './json-service.ts'
import { PolicyFault, parsePolicy } from './policy.ts'
import { allowsService } from './service-principal.ts'
import type { Queue, QueueMessage } from './state.ts'

/** The part of SQS's JSON API that a dead-letter queue needs ("Amazon SQS API Reference"). */

const DELETED_RECENTLY_MS = 60_000
const NAME = z.string().regex(/^[\w-]{1,80}$/)
const ATTRIBUTES = z.record(
  z.enum(['Policy', 'MessageRetentionPeriod', 'SqsManagedSseEnabled', 'VisibilityTimeout', 'KmsMasterKeyId']),
  z.string(),
)
const SOME_ATTRIBUTES = z.partialRecord(ATTRIBUTES.keyType, z.string()).default({})
const URL_OF = z.object({ QueueUrl: z.string() })

export function sqsService(core: SandboxCore): ServiceHandler {
  return jsonService(core, {
    service: 'sqs',
    version: '1.0',
    calls: CALLS,
    // A header from SQS's Query protocol that clients still read.
    errorHeaders: ({ code }) =>
      code === 'QueueDoesNotExist' ? { 'x-amzn-query-error': 'AWS.SimpleQueueService.NonExistentQueue;Sender' } : {},
  })
}

const CALLS = {
  CreateQueue: jsonCall(
    z.object({ QueueName: NAME, Attributes: SOME_ATTRIBUTES, tags: z.record(z.string(), z.string()).default({}) }),
    createQueue,
  ),
  GetQueueUrl: jsonCall(z.object({ QueueName: NAME }), (visit, { QueueName }) => {
    visit.mustAllow('sqs:GetQueueUrl', arnOf(visit, QueueName))
    return { QueueUrl: urlOf(visit, queueOf(visit, arnOf(visit, QueueName))) }
  }),
  GetQueueAttributes: jsonCall(URL_OF.extend({ AttributeNames: z.array(z.string()).optional() }), getAttributes),
  SetQueueAttributes: jsonCall(URL_OF.extend({ Attributes: SOME_ATTRIBUTES }), (visit, { QueueUrl, Attributes }) => {
    const queue = named(visit, 'sqs:SetQueueAttributes', QueueUrl)
    set(queue, Attributes)
    return {}
  }),
  ListQueues: jsonCall(z.object({ QueueNamePrefix: z.string().default('') }), (visit, { QueueNamePrefix }) => {
    visit.mustAllow('sqs:ListQueues', '*')
    const here = [...visit.state.queues.values()].filter(({ arn }) => arn.startsWith(arnOf(visit, QueueNamePrefix)))
    return { QueueUrls: here.map((queue) => urlOf(visit, queue)) }
  }),
  ReceiveMessage: jsonCall(URL_OF.extend({ MaxNumberOfMessages: z.int().min(1).max(10).default(1) }), receive),
  DeleteQueue: jsonCall(URL_OF, (visit, { QueueUrl }) => {
    const queue = named(visit, 'sqs:DeleteQueue', QueueUrl)
    visit.state.queues.delete(queue.arn)
    visit.state.queuesDeletedAt.set(queue.arn, visit.core.clock.now())
    return {}
  }),
}

function arnOf({ state, region }: JsonVisit, name: string): string {
  return `arn:aws:sqs:${region}:${state.account}:${name}`
}

/** Clients call a queue at its URL, so the URL points to the sandbox. */
function urlOf({ origin }: JsonVisit, { arn }: Queue): string {
  const [, , , , account, name] = arn.split(':')
  return `${origin}/${account}/${name}`
}

function queueOf({ state }: JsonVisit, arn: string): Queue {
  const queue = state.queues.get(arn)
  if (queue !== undefined) return queue
  throw new AwsError('QueueDoesNotExist', 400, 'The specified queue does not exist.')
}

function named(visit: JsonVisit, action: string, url: string): Queue {
  const arn = arnOf(visit, url.slice(url.lastIndexOf('/') + 1))
  visit.mustAllow(action, arn)
  return queueOf(visit, arn)
}

function createQueue(
  visit: JsonVisit,
  input: { QueueName: string; Attributes: Readonly<Record<string, string | undefined>>; tags: Record<string, string> },
): JsonObject {
  const arn = arnOf(visit, input.QueueName)
  visit.mustAllow('sqs:CreateQueue', arn)
  const { queues, queuesDeletedAt } = visit.state
  const there = queues.get(arn)
  if (
    there !== undefined &&
    Object.entries(input.Attributes).every(([key, value]) => there.attributes.get(key) === value)
  )
    return { QueueUrl: urlOf(visit, there) }
  if (there !== undefined)
    throw new AwsError('QueueNameExists', 400, 'A queue already exists with the same name and other attributes.')
  if (visit.core.clock.now() - (queuesDeletedAt.get(arn) ?? 0) < DELETED_RECENTLY_MS)
    throw new AwsError(
      'QueueDeletedRecently',
      400,
      'You must wait 60 seconds after deleting a queue before you can create another with the same name.',
    )
  const defaults = [
    ['MessageRetentionPeriod', '345600'],
    ['VisibilityTimeout', '30'],
    ['SqsManagedSseEnabled', 'true'],
  ] as const
  const tags = new Map(Object.entries(input.tags))
  const queue: Queue = { name: input.QueueName, arn, attributes: new Map(defaults), tags, messages: [] }
  set(queue, input.Attributes)
  queues.set(arn, queue)
  return { QueueUrl: urlOf(visit, queue) }
}

function set(queue: Queue, attributes: Readonly<Record<string, string | undefined>>): void {
  const { Policy, MessageRetentionPeriod = '345600' } = attributes
  if (!(Number(MessageRetentionPeriod) >= 60 && Number(MessageRetentionPeriod) <= 1_209_600))
    throw new AwsError('InvalidAttributeValue', 400, 'Invalid value for the parameter MessageRetentionPeriod.')
  if (Policy !== undefined && Policy !== '') checkPolicy(Policy)
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) queue.attributes.set(key, value)
}

function checkPolicy(text: string): void {
  try {
    parsePolicy(text)
  } catch (fault) {
    if (fault instanceof PolicyFault)
      throw new AwsError('InvalidAttributeValue', 400, 'Invalid value for the parameter Policy.')
    throw fault
  }
}

function getAttributes(
  visit: JsonVisit,
  { QueueUrl, AttributeNames = [] }: { QueueUrl: string; AttributeNames?: string[] | undefined },
): JsonObject {
  const queue = named(visit, 'sqs:GetQueueAttributes', QueueUrl)
  const all = {
    ...Object.fromEntries(queue.attributes),
    QueueArn: queue.arn,
    ApproximateNumberOfMessages: String(queue.messages.length),
  }
  const wanted = AttributeNames.includes('All') ? Object.keys(all) : AttributeNames
  return { Attributes: Object.fromEntries(Object.entries(all).filter(([name]) => wanted.includes(name))) }
}

function receive(
  visit: JsonVisit,
  { QueueUrl, MaxNumberOfMessages }: { QueueUrl: string; MaxNumberOfMessages: number },
): JsonObject {
  const { messages } = named(visit, 'sqs:ReceiveMessage', QueueUrl)
  return {
    Messages: messages.slice(0, MaxNumberOfMessages).map(({ id, body, attributes }) => ({
      MessageId: id,
      ReceiptHandle: id,
      Body: body,
      MD5OfBody: createHash('md5').update(body).digest('hex'),
      MessageAttributes: Object.fromEntries(
        Object.entries(attributes).map(([name, value]) => [name, { StringValue: value, DataType: 'String' }]),
      ),
    })),
  }
}

/** Puts an event that EventBridge gave up on the queue. False when the queue does not exist or does not allow that rule; then the event is lost. */
export function putDeadLetter(
  core: SandboxCore,
  arn: string,
  ruleArn: string,
  message: Omit<QueueMessage, 'id'>,
): boolean {
  const queue = core.account(arn.split(':')[4] ?? '').queues.get(arn)
  const policy = queue?.attributes.get('Policy')
  if (queue === undefined || policy === undefined) return false
  const context = { 'aws:SourceArn': ruleArn, 'aws:SourceAccount': ruleArn.split(':')[4] ?? '' }
  const request = { action: 'sqs:SendMessage', resource: arn, context }
  if (!allowsService(policy, 'events.amazonaws.com', request)) return false
  queue.messages.push({ id: randomUUID(), ...message })
  return true
}
