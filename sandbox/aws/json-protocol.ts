import { z } from 'zod'
import { AwsError, type Reply, type SandboxRequest } from './call.ts'

/** The AWS JSON 1.1 protocol: `x-amz-target` names the call, input and output are JSON. */

const OBJECT = z.record(z.string(), z.unknown())

export type JsonInput = z.infer<typeof OBJECT>

/** `TrentService.DescribeKey` → `DescribeKey` */
export function entityOf({ headers }: SandboxRequest): string {
  return headers['x-amz-target']?.split('.').at(-1) ?? ''
}

export function jsonBody({ body }: SandboxRequest): JsonInput {
  try {
    return OBJECT.parse(JSON.parse(body.toString() || '{}'))
  } catch {
    throw new AwsError('SerializationException', 400, 'The request body is not a JSON object.')
  }
}

export function readInput<Shape extends z.ZodType>(shape: Shape, input: JsonInput): z.infer<Shape> {
  const parsed = shape.safeParse(input)
  if (parsed.success) return parsed.data
  const fault = parsed.error.issues[0]
  const where = `Value at '${fault?.path.join('.') ?? ''}'`
  throw new AwsError(
    'ValidationException',
    400,
    `1 validation error detected: ${where} failed to satisfy constraint: ${fault?.message ?? ''}`,
  )
}

export function jsonReply(result: unknown): Reply {
  return { status: 200, headers: JSON_TYPE, body: result === undefined ? '' : JSON.stringify(result) }
}

const JSON_TYPE = { 'content-type': 'application/x-amz-json-1.1' }

/** The names of signature errors in the JSON protocol. */
const JSON_CODES: Readonly<Record<string, string>> = {
  AccessDenied: 'AccessDeniedException',
  InvalidClientTokenId: 'UnrecognizedClientException',
  SignatureDoesNotMatch: 'InvalidSignatureException',
  MissingAuthenticationToken: 'MissingAuthenticationTokenException',
  ExpiredToken: 'ExpiredTokenException',
  IncompleteSignature: 'IncompleteSignatureException',
  Throttling: 'ThrottlingException',
}

export function jsonError(error: AwsError): Reply {
  const type = JSON_CODES[error.code] ?? error.code
  return {
    status: error.status >= 500 ? error.status : 400,
    headers: { ...JSON_TYPE, 'x-amzn-errortype': type },
    body: JSON.stringify({ __type: type, message: error.message }),
  }
}
