import swagger, { type SwaggerTransform, type SwaggerTransformObject } from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { errorBody } from './answer-errors.ts'

/** How people sign in. The command line reads it from the OpenAPI document. */
export interface SignInPlace {
  readonly openIdConnectUrl: string
  readonly clientId: string
  readonly scope: string
  readonly mfaContext: string | undefined
}

interface JsonSchema {
  readonly $schema?: string
  readonly $defs?: Readonly<Record<string, object>>
}

/** The schemas that have an id, by id. */
type Components = Record<string, object>

/**
 * Converts a schema. zod puts schemas that have an id into `$defs`; they are moved to `components`, where the document
 * has all of them.
 */
function jsonSchema(schema: unknown, io: 'input' | 'output', components: Components): object | undefined {
  if (!(schema instanceof z.ZodType)) return undefined
  const text = JSON.stringify(z.toJSONSchema(schema, { io, target: 'draft-2020-12' }))
  const parsed: JsonSchema = JSON.parse(text.replaceAll('"#/$defs/', '"#/components/schemas/'))
  const { $schema: _dialect, $defs, ...rest } = parsed
  Object.assign(components, $defs)
  return rest
}

/**
 * Joins the method and the words of the path in camel case, without `/api/v1`.
 * @example operationId('POST', '/api/v1/requests/:id/cancel') // "postRequestsIdCancel"
 */
function operationId(method: string, url: string): string {
  const words = url.replace('/api/v1', '').match(/[a-z]+/g) ?? []
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
}

function describeRoute(components: Components): SwaggerTransform {
  function jsonAnswer(description: string, schema: unknown): object {
    return { description, content: { 'application/json': { schema: jsonSchema(schema, 'output', components) } } }
  }
  return ({ schema, url, route }) => {
    // Pages, health and metrics are not part of the API. Their routes have no schema.
    if (!schema) return { url, schema: { hide: true } }
    const answers = Object.entries(schema.response ?? {}).map(([status, one]) => [status, jsonAnswer('Done', one)])
    return {
      url,
      schema: {
        operationId: operationId(String(route.method), url),
        summary: schema.summary ?? '',
        params: jsonSchema(schema.params, 'input', components),
        querystring: jsonSchema(schema.querystring, 'input', components),
        body: jsonSchema(schema.body, 'input', components),
        response: {
          ...Object.fromEntries(answers),
          default: jsonAnswer('Refused: `error.code` says why', errorBody),
        },
      },
    }
  }
}

function addComponents(components: Components): SwaggerTransformObject {
  return (document) => {
    const described = 'openapiObject' in document ? document.openapiObject : {}
    for (const operation of Object.values(described.paths ?? {}).flatMap((path) => [path?.get, path?.post])) {
      // An operation without parameters has an empty list.
      if (operation) operation.parameters ??= []
    }
    return Object.assign(described, { components: { ...described.components, schemas: components } })
  }
}

function signInScheme({ openIdConnectUrl, clientId, scope, mfaContext }: SignInPlace) {
  return {
    type: 'openIdConnect' as const,
    openIdConnectUrl,
    'x-latchkey-client-id': clientId,
    'x-latchkey-scope': scope,
    ...(mfaContext !== undefined && { 'x-latchkey-mfa-context': mfaContext }),
  }
}

/**
 * The route of the OpenAPI document. Open to everybody, since it says where to sign in. Describes the routes that are
 * registered after it.
 */
export function openApiRoute(app: FastifyInstance, publicUrl: string, signIn: SignInPlace): void {
  const components: Components = {}
  app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Latchkey', version: '1', description: 'Just-in-time access to S3' },
      servers: [{ url: publicUrl }],
      security: [{ entra: [signIn.scope] }],
      components: { securitySchemes: { entra: signInScheme(signIn) } },
    },
    stripBasePath: false,
    convertConstToEnum: false,
    transform: describeRoute(components),
    transformObject: addComponents(components),
  })
  // Made once, at the start: a route that cannot be described stops the start.
  app.after(() => app.addHook('onReady', async () => void app.swagger()))
  app.get('/api/v1/openapi.json', async () => app.swagger())
}
