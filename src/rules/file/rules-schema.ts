import { z } from 'zod'
import { LatchkeyError } from '../../errors.ts'
import { bucketNameProblem } from '../bucket-name.ts'
import { DIRECTORY_ATTRIBUTES } from '../directory.ts'
import { formatDuration, parseDuration } from '../duration.ts'
import { ASKABLE_LEVELS } from '../levels.ts'
import { parseScope } from '../scope.ts'
import { expected, type Issue, list, mapOf, mismatch, parsedText, strict, text } from './expected-forms.ts'

/** The schema of `latchkey.yaml`, version 1. `latchkey.schema.json`, for editors, is made from it. */

/**
 * AWS sets no limit, because credentials are vended again while a grant lives. A week is our own limit: access is for
 * one task.
 */
const MAX_MINUTES = 7 * 1440
const MAX_WAIT_MINUTES = 30 * 1440

export const DEFAULT_REVIEW_TIMES = { remindAfter: '30m', lapseAfter: '8h' } as const

const STEP_FORM = 'a list of one step, as [{need: 1, from: [manager]}]'

const NAME = '[A-Za-z0-9][A-Za-z0-9._-]{0,62}'
const name = text('a name of letters, digits, dots, hyphens and underscores, 63 at most', new RegExp(`^${NAME}$`))
const objectId = text(
  'an Entra object id, as 6f0c1d0a-52f1-4a57-8f0e-3f3c5e7b9d21',
  /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/,
).toLowerCase()
const subject = text('group:<name> or person:<name>', new RegExp(`^(group|person):${NAME}$`))
const approver = text('manager, group:<name> or person:<name>', new RegExp(`^(manager|(group|person):${NAME})$`))
const scope = parsedText('a scope, as s3://bucket/prefix/', parseScope)
const grantTime = parsedText('a duration, as 45m, 8h or 2d', atMost(MAX_MINUTES))
const waitTime = parsedText('a duration, as 45m, 8h or 2d', atMost(MAX_WAIT_MINUTES))

const ROLE_PATH = /^latchkey\/([\w+=,.@-]{1,64}\/){0,4}[\w+=,.@-]{1,64}$/
const hub = strict({
  role: text('path and name of a role below latchkey/, as latchkey/hub', ROLE_PATH),
  reader: text('path and name of a role below latchkey/, as latchkey/hub-reader', ROLE_PATH),
  externalId: text('16 to 1224 letters, digits and +=,.@:/-', /^[\w+=,.@:/-]{16,1224}$/),
})

const account = strict({
  id: text('twelve digits in quotes', /^[0-9]{12}$/),
  elevationRole: text('path and name of a role below latchkey/, as latchkey/prod', ROLE_PATH),
  copies: z.int(expected('a whole number')).min(1, expected('1 to 20')).max(20, expected('1 to 20')).default(1),
  hub: hub.optional(),
})

const bucket = strict({
  account: name,
  region: text('an AWS region, as eu-west-1', /^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$/),
  kmsKey: text('the ARN of a KMS key', /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[\w-]+$/).optional(),
  bucketKey: z.boolean(expected('true or false')).optional(),
  owners: list(subject, 0).default([]),
})

const step = strict({
  need: z.literal(1, { error: needProblem }).meta({ description: 'How many of `from` must say yes.' }),
  from: list(approver, 1).meta({ description: 'Any one of these may decide.' }),
})

const principalName = text('the name of a role or user, without its path', /^[\w+=,.@-]{1,64}$/)
const ownIdentity = strict({
  role: principalName.optional(),
  user: principalName.optional(),
  sessionName: z.enum(DIRECTORY_ATTRIBUTES, expected(`one of ${DIRECTORY_ATTRIBUTES.join(', ')}`)).optional(),
})

const conditions = strict({
  sourceIps: list(z.string(expected('a block of addresses, as 203.0.113.0/24')), 1).optional(),
  vpcEndpoints: list(text('the id of a VPC endpoint, as vpce-0a1b2c3d', /^vpce-[0-9a-f]{8,17}$/), 1).optional(),
  objectTag: strict({
    key: text('the key of a tag', /^[\w .:/=+@-]{1,128}$/),
    value: text('the value of a tag', /^[\w .:/=+@-]{0,256}$/),
  }).optional(),
  mfa: z.literal(true, expected('true')).optional(),
})

const entitlement = strict({
  name,
  who: list(subject, 1).meta({ description: 'Who may ask.' }),
  scopes: list(scope, 1).meta({ description: 'Literal: a bucket, a prefix that ends in a slash, or one object.' }),
  levels: list(z.enum(ASKABLE_LEVELS, expected(`one of ${ASKABLE_LEVELS.join(', ')}`)), 1),
  driver: z.enum(['session', 'attach'], expected('session or attach')).default('session'),
  conditions: conditions.optional(),
  duration: strict({ default: grantTime, longest: grantTime }),
  /** `checkReferences` refuses more than one step: here, zod would not report the faults inside the steps. */
  approval: z.array(step, expected(STEP_FORM)).min(1, expected(STEP_FORM)).meta({ maxItems: 1 }),
  reviewTimes: strict({ lapseAfter: waitTime }).optional(),
})

export const rulesSchema = strict({
  version: z.literal(1, expected('1')),
  people: mapOf('a map from name to object id', name, objectId).default({}),
  groups: mapOf('a map from name to object id', name, objectId).default({}),
  accounts: mapOf('a map from name to {id, elevationRole}', name, account),
  buckets: mapOf('a map from bucket to {account, region, owners}', parsedText('a bucket name', bucketName), bucket),
  principals: mapOf(
    'a map from account to who holds what there',
    name,
    mapOf('a map from person:<name> or group:<name> to {role} or {user}', subject, ownIdentity),
  ).default({}),
  reviewTimes: strict({
    remindAfter: waitTime.prefault(DEFAULT_REVIEW_TIMES.remindAfter),
    lapseAfter: waitTime.prefault(DEFAULT_REVIEW_TIMES.lapseAfter),
  }).prefault({}),
  securityChannel: text('a Teams conversation id, as "19:…@thread.tacv2"', /^19:[^\s@]+@thread\.[a-z0-9]+$/).optional(),
  entitlements: list(entitlement, 1),
})

export type RulesFile = z.output<typeof rulesSchema>

function atMost(longestMinutes: number): (written: string) => number {
  return (written) => {
    const minutes = parseDuration(written)
    if (minutes <= longestMinutes) return minutes
    const problem = `Expected ${formatDuration(longestMinutes)} at most, found ${written}.`
    throw new LatchkeyError('BAD_INPUT', { problem })
  }
}

function bucketName(written: string): string {
  const problem = bucketNameProblem(written)
  if (problem) throw new LatchkeyError('BAD_INPUT', { problem })
  return written
}

function needProblem({ input }: Issue): string {
  if (typeof input === 'number' && input > 1)
    return 'This version of Latchkey does not have more than one approval in a step yet. Write `need: 1`.'
  return mismatch('1', { input })
}
