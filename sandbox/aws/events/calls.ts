import { z } from 'zod'

/** The calls of EventBridge's JSON API that the sandbox supports, with the input shapes of the service's model. */

const RULE_NAME = z.string().regex(/^[.\-_A-Za-z0-9]{1,64}$/)
const NAME = RULE_NAME
const DESCRIPTION = z.string().max(512).optional()
const BUS = z.literal('default').optional()
/** Header names and values contain no control characters; names contain no colon. */
const AUTH_TEXT = z.string().min(1).max(512)
const API_KEY = z.object({
  ApiKeyAuthParameters: z.object({ ApiKeyName: AUTH_TEXT.regex(/^[^\p{Cc}:]+$/u), ApiKeyValue: AUTH_TEXT }),
})

const TARGET = z.strictObject({
  Id: z.string().regex(/^[.\-_A-Za-z0-9]{1,64}$/),
  Arn: z.string().min(1).max(1600),
  RoleArn: z.string().optional(),
  RetryPolicy: z
    .strictObject({
      MaximumRetryAttempts: z.int().min(0).max(185).optional(),
      MaximumEventAgeInSeconds: z.int().min(60).max(86_400).optional(),
    })
    .optional(),
  DeadLetterConfig: z.strictObject({ Arn: z.string().optional() }).optional(),
  HttpParameters: z.object({ HeaderParameters: z.record(z.string(), z.string()).optional() }).optional(),
})

const TAGS = z.array(z.strictObject({ Key: z.string().min(1).max(128), Value: z.string().max(256) }))
const RESOURCE = z.object({ ResourceARN: z.string().min(1) })

export const CALLS = {
  PutRule: z.object({
    Name: RULE_NAME,
    EventPattern: z.string().max(4096).optional(),
    ScheduleExpression: z.string().optional(),
    State: z.enum(['ENABLED', 'DISABLED', 'ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS']).default('ENABLED'),
    Description: DESCRIPTION,
    EventBusName: BUS,
    Tags: TAGS.default([]),
  }),
  DescribeRule: z.object({ Name: RULE_NAME, EventBusName: BUS }),
  ListRules: z.object({ NamePrefix: RULE_NAME.optional(), EventBusName: BUS }),
  EnableRule: z.object({ Name: RULE_NAME, EventBusName: BUS }),
  DisableRule: z.object({ Name: RULE_NAME, EventBusName: BUS }),
  TagResource: RESOURCE.extend({ Tags: TAGS }),
  ListTagsForResource: RESOURCE,
  DeleteRule: z.object({ Name: RULE_NAME, EventBusName: BUS }),
  PutTargets: z.object({ Rule: RULE_NAME, Targets: z.array(TARGET).min(1).max(100), EventBusName: BUS }),
  ListTargetsByRule: z.object({ Rule: RULE_NAME, EventBusName: BUS }),
  RemoveTargets: z.object({ Rule: RULE_NAME, Ids: z.array(z.string()).min(1).max(100), EventBusName: BUS }),
  CreateConnection: z.object({
    Name: NAME,
    Description: DESCRIPTION,
    AuthorizationType: z.enum(['BASIC', 'OAUTH_CLIENT_CREDENTIALS', 'API_KEY']),
    AuthParameters: API_KEY,
  }),
  DescribeConnection: z.object({ Name: NAME }),
  UpdateConnection: z.object({
    Name: NAME,
    Description: DESCRIPTION,
    AuthorizationType: z.enum(['BASIC', 'OAUTH_CLIENT_CREDENTIALS', 'API_KEY']).optional(),
    AuthParameters: API_KEY.optional(),
  }),
  DeleteConnection: z.object({ Name: NAME }),
  CreateApiDestination: z.object({
    Name: NAME,
    Description: DESCRIPTION,
    ConnectionArn: z.string().min(1),
    InvocationEndpoint: z.string().min(1).max(2048),
    HttpMethod: z.enum(['POST', 'GET', 'HEAD', 'OPTIONS', 'PUT', 'PATCH', 'DELETE']),
    InvocationRateLimitPerSecond: z.int().min(1).default(300),
  }),
  DescribeApiDestination: z.object({ Name: NAME }),
  UpdateApiDestination: z.object({
    Name: NAME,
    Description: DESCRIPTION,
    ConnectionArn: z.string().min(1).optional(),
    InvocationEndpoint: z.string().min(1).max(2048).optional(),
    HttpMethod: z.enum(['POST', 'GET', 'HEAD', 'OPTIONS', 'PUT', 'PATCH', 'DELETE']).optional(),
    InvocationRateLimitPerSecond: z.int().min(1).optional(),
  }),
  DeleteApiDestination: z.object({ Name: NAME }),
  TestEventPattern: z.object({ EventPattern: z.string().max(4096), Event: z.string() }),
  PutEvents: z.object({
    Entries: z
      .array(
        z.object({
          Source: z.string().optional(),
          DetailType: z.string().optional(),
          Detail: z.string().optional(),
          Resources: z.array(z.string()).optional(),
          EventBusName: z.string().optional(),
        }),
      )
      .min(1)
      .max(10),
  }),
} as const

export type CallName = keyof typeof CALLS
export type Input<Name extends CallName> = z.infer<(typeof CALLS)[Name]>
export type TargetInput = z.infer<typeof TARGET>

export function isCallName(name: string): name is CallName {
  return Object.hasOwn(CALLS, name)
}
