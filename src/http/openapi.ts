import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { requestViewSchema } from '../views/request-view.ts'
import { errorBody } from './answer-errors.ts'
import {
  askBody,
  consoleAnswer,
  credentialsAnswer,
  extendBody,
  grantAnswer,
  grantsAnswer,
  grantsQuery,
  linkAnswer,
  linkBody,
  requestsAnswer,
  requestsQuery,
  reviewBody,
} from './api-schemas.ts'

/** Where people sign in; the command line learns it from here. */
export interface SignInPlace {
  readonly openIdConnectUrl: string
  readonly clientId: string
  readonly scope: string
  readonly mfaContext: string | undefined
}

interface Operation {
  readonly method: 'get' | 'post'
  readonly path: string
  readonly summary: string
  readonly query?: z.ZodObject
  readonly body?: z.ZodType
  readonly status?: number
  readonly answer: z.ZodType
}

const OPERATIONS: readonly Operation[] = [
  {
    method: 'post',
    path: '/requests',
    summary: 'Ask for access',
    body: askBody,
    status: 201,
    answer: requestViewSchema,
  },
  {
    method: 'get',
    path: '/requests',
    summary: 'Your requests, or those you were asked to review',
    query: requestsQuery,
    answer: requestsAnswer,
  },
  { method: 'get', path: '/requests/{id}', summary: 'One request', answer: requestViewSchema },
  { method: 'post', path: '/requests/{id}/cancel', summary: 'Take a request back', answer: requestViewSchema },
  {
    method: 'post',
    path: '/requests/{id}/reviews',
    summary: 'Approve or deny',
    body: reviewBody,
    answer: requestViewSchema,
  },
  {
    method: 'get',
    path: '/grants',
    summary: 'The grants that you asked for',
    query: grantsQuery,
    answer: grantsAnswer,
  },
  { method: 'get', path: '/grants/{id}', summary: 'One grant that you asked for or approved', answer: grantAnswer },
  {
    method: 'post',
    path: '/grants/{id}/credentials',
    summary: 'AWS credentials of your active grant, in the form of a `credential_process`',
    answer: credentialsAnswer,
  },
  {
    method: 'post',
    path: '/grants/{id}/console',
    summary: "A link that signs you in to AWS's console with your active grant",
    answer: consoleAnswer,
  },
  {
    method: 'post',
    path: '/grants/{id}/link',
    summary: 'A link to the one object of your active grant, for fifteen minutes at most',
    body: linkBody,
    answer: linkAnswer,
  },
  {
    method: 'post',
    path: '/grants/{id}/extend',
    summary: 'Ask for a live grant to go on; somebody says yes anew',
    body: extendBody,
    status: 201,
    answer: requestViewSchema,
  },
  { method: 'post', path: '/grants/{id}/end', summary: 'End a grant now', answer: grantAnswer },
]

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _dialect, id: _id, ...rest } = z.toJSONSchema(schema, { io, target: 'draft-2020-12' })
  return rest
}

function inJson(schema: z.ZodType, io: 'input' | 'output') {
  return { content: { 'application/json': { schema: jsonSchema(schema, io) } } }
}

function parametersOf({ path, query }: Operation): readonly object[] {
  const id = { name: 'id', in: 'path', required: true, schema: { type: 'string' } }
  const asked = Object.entries(query?.shape ?? {}).map(([name, schema]) => ({
    name,
    in: 'query',
    required: false,
    schema: jsonSchema(z.object({ [name]: schema }).shape[name] ?? z.string(), 'output'),
  }))
  return path.includes('{id}') ? [id, ...asked] : asked
}

/** @example operationId({ method: 'post', path: '/requests/{id}/cancel', … }) // "postRequestsIdCancel" */
function operationId({ method, path }: Operation): string {
  return method + path.replace(/[^a-z]+([a-z])/g, (_, first: string) => first.toUpperCase()).replace(/[^a-zA-Z]/g, '')
}

function describeOperation(operation: Operation): object {
  const { summary, body, status = 200, answer } = operation
  return {
    operationId: operationId(operation),
    summary,
    parameters: parametersOf(operation),
    ...(body === undefined ? {} : { requestBody: { required: true, ...inJson(body, 'input') } }),
    responses: {
      [status]: { description: 'Done', ...inJson(answer, 'output') },
      default: { description: 'Refused: `error.code` says why', ...inJson(errorBody, 'output') },
    },
  }
}

function describePaths(): Record<string, Record<string, object>> {
  const paths: Record<string, Record<string, object>> = {}
  for (const operation of OPERATIONS) {
    const path = `/api/v1${operation.path}`
    paths[path] = { ...paths[path], [operation.method]: describeOperation(operation) }
  }
  return paths
}

/** zod writes the definitions of each schema below it and refers to them there; OpenAPI keeps them in one place. */
function hoist(value: unknown, schemas: Record<string, unknown>): unknown {
  if (Array.isArray(value)) return value.map((one) => hoist(one, schemas))
  if (typeof value === 'string') return value.replace(/^#\/\$defs\//, '#/components/schemas/')
  if (value === null || typeof value !== 'object') return value
  const { $defs, ...rest } = value as { readonly $defs?: Record<string, unknown> }
  for (const [name, schema] of Object.entries($defs ?? {})) schemas[name] = hoist(schema, schemas)
  return Object.fromEntries(Object.entries(rest).map(([key, inner]) => [key, hoist(inner, schemas)]))
}

function openApiDocument(publicUrl: string, signIn: SignInPlace): object {
  const schemas: Record<string, unknown> = {}
  const paths = hoist(describePaths(), schemas)
  return {
    openapi: '3.1.0',
    info: { title: 'Latchkey', version: '1', description: 'Just-in-time access to S3' },
    servers: [{ url: publicUrl }],
    security: [{ entra: [signIn.scope] }],
    paths,
    components: {
      schemas,
      securitySchemes: {
        entra: {
          type: 'openIdConnect',
          openIdConnectUrl: signIn.openIdConnectUrl,
          'x-latchkey-client-id': signIn.clientId,
          'x-latchkey-scope': signIn.scope,
          ...(signIn.mfaContext !== undefined && { 'x-latchkey-mfa-context': signIn.mfaContext }),
        },
      },
    },
  }
}

/** Open to everybody: who is not signed in yet learns here where to. */
export function openApiRoute(app: FastifyInstance, publicUrl: string, signIn: SignInPlace): void {
  const document = openApiDocument(publicUrl, signIn)
  app.get('/api/v1/openapi.json', async () => document)
}
