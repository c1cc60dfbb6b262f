import { z } from 'zod'
import type { ExtendInput } from '../access-requests/extend-grant.ts'
import type { AskInput } from '../access-requests/request-access.ts'
import { parseDuration } from '../rules/duration.ts'
import { ASKABLE_LEVELS } from '../rules/levels.ts'
import { parseScope } from '../rules/scope.ts'
import { grantViewSchema } from '../views/grant-view.ts'
import { requestViewSchema } from '../views/request-view.ts'

/** Schemas of the inputs and answers of `/api/v1`, for the routes and for the command line. */

const scope = z
  .string()
  .min(6)
  .max(1100)
  .meta({
    description: 'A bucket, a prefix that ends in `/`, or one whole object key',
    examples: ['s3://finance-reports/2026/'],
  })

const askFields = z.strictObject({
  scope: scope.optional(),
  scopes: z.array(scope).min(1).max(10).optional(),
  levels: z.array(z.enum(ASKABLE_LEVELS)).min(1).max(ASKABLE_LEVELS.length),
  duration: z
    .string()
    .max(8)
    .optional()
    .meta({ description: 'As `45m`, `8h` or `2d`', examples: ['45m'] }),
  durationMinutes: z.int().positive().optional(),
  reason: z.string().trim().min(1).max(1000),
  ticket: z.string().trim().max(100).optional(),
})

export const askBody = askFields
  .refine((body) => (body.scope === undefined) !== (body.scopes === undefined), {
    message: 'Give either `scope` or `scopes`.',
    path: ['scopes'],
  })
  .refine((body) => body.duration === undefined || body.durationMinutes === undefined, {
    message: 'Give either `duration` or `durationMinutes`.',
    path: ['duration'],
  })
  .meta({ id: 'Ask' })

export const extendBody = askFields
  .omit({ scope: true, scopes: true, levels: true })
  .refine((body) => body.duration === undefined || body.durationMinutes === undefined, {
    message: 'Give either `duration` or `durationMinutes`.',
    path: ['duration'],
  })
  .meta({ id: 'Extend', description: 'The duration counts from the yes' })

export const reviewBody = z
  .strictObject({
    decision: z.enum(['approve', 'deny']),
    comment: z.string().trim().max(1000).default(''),
    version: z
      .string()
      .max(100)
      .optional()
      .meta({ description: '`version` of the request as the reviewer was shown it' }),
  })
  .meta({ id: 'Review' })

const limit = z.coerce.number().int().min(1).max(100).default(50)

export const requestsQuery = z.strictObject({ role: z.enum(['requester', 'approver']).default('requester'), limit })

export const grantsQuery = z.strictObject({ limit })

/** Any text is an id here. The use case answers an id that cannot exist like one that the caller may not see. */
export const idParams = z.object({ id: z.string() })

/** The form that AWS SDKs and the AWS CLI read from a `credential_process`. */
export const credentialsAnswer = z
  .strictObject({
    Version: z.literal(1),
    AccessKeyId: z.string(),
    SecretAccessKey: z.string(),
    SessionToken: z.string(),
    Expiration: z.iso.datetime({ offset: true }),
  })
  .meta({ id: 'Credentials' })

export const linkBody = z
  .strictObject({ method: z.enum(['get', 'put']).meta({ description: 'What the link does with the one object' }) })
  .meta({ id: 'LinkAsk' })

const time = z.iso.datetime()

const link = { url: z.url().meta({ description: 'Secret: whoever has it can use it' }), expiresAt: time }

export const consoleAnswer = z.strictObject(link).meta({ id: 'ConsoleLink' })
export const linkAnswer = z.strictObject({ method: linkBody.shape.method, ...link }).meta({ id: 'ObjectLink' })

const { writes, ...grantFields } = grantViewSchema.shape

/** A grant, with the bucket's region, which a person's tools need. */
export const grantAnswer = z
  .strictObject({ ...grantFields, region: z.string().nullable().meta({ description: 'Of the bucket' }), writes })
  .meta({ id: 'Grant' })

export type GrantAnswer = z.output<typeof grantAnswer>

export const requestsAnswer = z.strictObject({ requests: z.array(requestViewSchema) })
export const grantsAnswer = z.strictObject({ grants: z.array(grantAnswer) })

export function toAsk(body: z.output<typeof askBody>): AskInput {
  return {
    ...toExtension(body),
    scopes: (body.scopes ?? [body.scope ?? '']).map(parseScope),
    levels: [...new Set(body.levels)],
  }
}

/** The fields that a request and an extension have in common. */
export function toExtension(body: z.output<typeof extendBody>): ExtendInput {
  const durationMinutes = body.duration === undefined ? body.durationMinutes : parseDuration(body.duration)
  return {
    reason: body.reason,
    ...(durationMinutes === undefined ? {} : { durationMinutes }),
    ...(body.ticket === undefined ? {} : { ticket: body.ticket }),
  }
}
