import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { AwsError, type Identity, type SandboxRequest, type ServiceName } from './call.ts'
import type { SandboxClock } from './clock.ts'
import type { AwsState } from './state.ts'

/** Signature Version 4, in headers or in the query (AWS General Reference, "Create a signed AWS API request"). */

const SKEW_MS = 15 * 60_000
const LONGEST_PRESIGNED_SECONDS = 604_800

interface Signed {
  readonly accessKeyId: string
  readonly date: string
  readonly region: string
  readonly service: string
  readonly signedHeaders: readonly string[]
  readonly signature: string
  /** `YYYYMMDDThhmmssZ`. */
  readonly timestamp: string
  readonly token: string | undefined
  /** Presigned requests only: seconds from the timestamp. */
  readonly expiresSeconds: number | undefined
}

/** Reads the service from the credential scope before anything is verified. The server routes by it. */
export function signedService(request: SandboxRequest): string | undefined {
  return scopeOf(request)?.at(-2)
}

/** Reads the Region from the credential scope. */
export function signedRegion(request: SandboxRequest): string | undefined {
  return scopeOf(request)?.at(-3)
}

/** Reads the account of the access key id before anything is verified. */
export function claimedAccount(request: SandboxRequest, { state }: { state: AwsState }): string | undefined {
  const keyId = scopeOf(request)?.[0]
  return keyId === undefined ? undefined : findKey(state, keyId)?.identity.account
}

function scopeOf({ rawQuery, headers }: SandboxRequest): readonly string[] | undefined {
  const credential =
    new URLSearchParams(rawQuery).get('X-Amz-Credential') ??
    /Credential=([^,\s]+)/.exec(headers.authorization ?? '')?.[1]
  return credential?.split('/')
}

/** Returns who signed the request. @throws AwsError with the text of S3 or of the other services */
export function authenticate(
  request: SandboxRequest,
  service: ServiceName,
  { state, clock }: { state: AwsState; clock: SandboxClock },
): Identity {
  const refuse = service === 's3' ? s3Error : plainError
  const signed = readSigned(request)
  if (signed === undefined) throw refuse('missing')
  const found = findKey(state, signed.accessKeyId)
  if (found === undefined) throw refuse('unknownKey')
  if (signed.service !== service || timestampMs(signed) === undefined) throw refuse('malformed')
  refuseStale(signed, clock.now(), refuse)
  refuseBody(request, service)
  if (!sameText(signed.signature, expectedSignature(request, signed, service, found.secret))) throw refuse('signature')
  if (found.session?.sessionToken !== signed.token) throw refuse('token')
  if (found.session !== undefined && found.session.expiresAt <= clock.now()) throw refuse('expired')
  return found.identity
}

type Refusal =
  | 'missing'
  | 'unknownKey'
  | 'malformed'
  | 'skewed'
  | 'presignedOver'
  | 'presignedTooLong'
  | 'signature'
  | 'token'
  | 'expired'

function plainError(refusal: Refusal): AwsError {
  switch (refusal) {
    case 'missing':
      return new AwsError('MissingAuthenticationToken', 403, 'Request is missing Authentication Token')
    case 'unknownKey':
    case 'token':
      return new AwsError('InvalidClientTokenId', 403, 'The security token included in the request is invalid.')
    case 'malformed':
      return new AwsError('IncompleteSignature', 400, 'The request signature does not conform to AWS standards.')
    case 'expired':
      return new AwsError('ExpiredToken', 403, 'The security token included in the request is expired')
    case 'skewed':
    case 'presignedOver':
    case 'presignedTooLong':
      return new AwsError('SignatureDoesNotMatch', 403, 'Signature expired or not yet current.')
    case 'signature':
      return new AwsError(
        'SignatureDoesNotMatch',
        403,
        'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
      )
  }
}

function s3Error(refusal: Refusal): AwsError {
  switch (refusal) {
    case 'missing':
      return new AwsError('AccessDenied', 403, 'Access Denied')
    case 'unknownKey':
      return new AwsError(
        'InvalidAccessKeyId',
        403,
        'The AWS Access Key Id you provided does not exist in our records.',
      )
    case 'malformed':
      return new AwsError('AuthorizationHeaderMalformed', 400, 'The authorization header you provided is invalid.')
    case 'token':
      return new AwsError('InvalidToken', 400, 'The provided token is malformed or otherwise invalid.')
    case 'expired':
      return new AwsError('ExpiredToken', 400, 'The provided token has expired.')
    case 'skewed':
      return new AwsError(
        'RequestTimeTooSkewed',
        403,
        "The difference between the request time and the server's time is too large.",
      )
    case 'presignedOver':
      return new AwsError('AccessDenied', 403, 'Request has expired')
    case 'presignedTooLong':
      return new AwsError(
        'AuthorizationQueryParametersError',
        400,
        'X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds',
      )
    case 'signature':
      return new AwsError(
        'SignatureDoesNotMatch',
        403,
        'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
      )
  }
}

function readSigned(request: SandboxRequest): Signed | undefined {
  const query = new URLSearchParams(request.rawQuery)
  if (query.has('X-Amz-Signature')) {
    return scoped({
      credential: query.get('X-Amz-Credential') ?? '',
      signedHeaders: (query.get('X-Amz-SignedHeaders') ?? '').split(';'),
      signature: query.get('X-Amz-Signature') ?? '',
      timestamp: query.get('X-Amz-Date') ?? '',
      token: query.get('X-Amz-Security-Token') ?? undefined,
      expiresSeconds: Number(query.get('X-Amz-Expires') ?? Number.NaN),
    })
  }
  const header = request.headers.authorization
  if (!header?.startsWith('AWS4-HMAC-SHA256 ')) return undefined
  const part = (name: string) => new RegExp(`${name}=([^,\\s]+)`).exec(header)?.[1] ?? ''
  return scoped({
    credential: part('Credential'),
    signedHeaders: part('SignedHeaders').split(';'),
    signature: part('Signature'),
    timestamp: request.headers['x-amz-date'] ?? '',
    token: request.headers['x-amz-security-token'],
    expiresSeconds: undefined,
  })
}

function scoped({
  credential,
  ...rest
}: Omit<Signed, 'accessKeyId' | 'date' | 'region' | 'service'> & { credential: string }): Signed {
  const [accessKeyId = '', date = '', region = '', service = ''] = credential.split('/')
  return { accessKeyId, date, region, service, ...rest }
}

export function findKey({ accounts }: AwsState, accessKeyId: string) {
  for (const state of accounts.values()) {
    const found = keyIn(state, accessKeyId)
    if (found !== undefined) return found
  }
  return undefined
}

/** An access key, and so its signer, belongs to one account. */
function keyIn({ account, accessKeys, users, sessions }: AwsState, accessKeyId: string) {
  const key = accessKeys.get(accessKeyId)
  const user = key === undefined || key.inactive ? undefined : users.get(key.userName)
  if (key !== undefined && user !== undefined) {
    const { arn, userId, userName } = user
    const identity: Identity = { type: 'user', account, arn, userId, userName, accessKeyId }
    return { identity, secret: key.secretAccessKey, session: undefined }
  }
  const session = sessions.get(accessKeyId)
  if (session === undefined) return undefined
  const userId = `${session.roleId}:${session.sessionName}`
  const identity: Identity = { type: 'session', account, arn: session.arn, userId, accessKeyId, session }
  return { identity, secret: session.secretAccessKey, session }
}

function timestampMs({ timestamp, date }: Signed): number | undefined {
  const [, day, hour, minute, second] = /^(\d{8})T(\d\d)(\d\d)(\d\d)Z$/.exec(timestamp) ?? []
  if (day === undefined || day !== date) return undefined
  return Date.parse(`${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}T${hour}:${minute}:${second}Z`)
}

function refuseStale(signed: Signed, now: number, refuse: (refusal: Refusal) => AwsError): void {
  const at = timestampMs(signed) ?? 0
  if (signed.expiresSeconds === undefined) {
    // A test may move the sandbox's clock, but a real client signs by the machine's clock. The smaller difference counts.
    const skewMs = Math.min(Math.abs(now - at), Math.abs(Date.now() - at))
    if (skewMs > SKEW_MS) throw refuse('skewed')
    return
  }
  if (!(signed.expiresSeconds > 0 && signed.expiresSeconds <= LONGEST_PRESIGNED_SECONDS))
    throw refuse('presignedTooLong')
  if (at - now > SKEW_MS) throw refuse('skewed')
  if (now > at + signed.expiresSeconds * 1000) throw refuse('presignedOver')
}

/** S3 compares the body with the signed hash. Chunked and unsigned bodies have none. */
function refuseBody(request: SandboxRequest, service: ServiceName): void {
  const claimed = request.headers['x-amz-content-sha256']
  if (service !== 's3' || claimed === undefined || !/^[0-9a-f]{64}$/.test(claimed)) return
  if (claimed === sha256(request.body)) return
  throw new AwsError(
    'XAmzContentSHA256Mismatch',
    400,
    "The provided 'x-amz-content-sha256' header does not match what was computed.",
  )
}

function expectedSignature(request: SandboxRequest, signed: Signed, service: ServiceName, secret: string): string {
  const scope = `${signed.date}/${signed.region}/${signed.service}/aws4_request`
  const canonical = sha256(canonicalRequest(request, signed, service))
  const key = [signed.date, signed.region, signed.service, 'aws4_request'].reduce<string | Buffer>(
    (secretSoFar, part) => createHmac('sha256', secretSoFar).update(part).digest(),
    `AWS4${secret}`,
  )
  return createHmac('sha256', key).update(`AWS4-HMAC-SHA256\n${signed.timestamp}\n${scope}\n${canonical}`).digest('hex')
}

function canonicalRequest(request: SandboxRequest, signed: Signed, service: ServiceName): string {
  const headers = signed.signedHeaders.map(
    (name) => `${name}:${(request.headers[name] ?? '').trim().replace(/ +/g, ' ')}\n`,
  )
  return [
    request.method,
    canonicalPath(request.rawPath, service),
    canonicalQuery(request.rawQuery),
    headers.join(''),
    signed.signedHeaders.join(';'),
    payloadHash(request, signed, service),
  ].join('\n')
}

function payloadHash(request: SandboxRequest, signed: Signed, service: ServiceName): string {
  if (service !== 's3') return sha256(request.body)
  if (signed.expiresSeconds !== undefined) return request.headers['x-amz-content-sha256'] ?? 'UNSIGNED-PAYLOAD'
  return request.headers['x-amz-content-sha256'] ?? sha256(request.body)
}

/** S3 signs the path encoded once; other services encode the received path again. */
function canonicalPath(rawPath: string, service: ServiceName): string {
  const segments = rawPath.split('/')
  return segments.map((one) => encode(service === 's3' ? decode(one) : one)).join('/')
}

function canonicalQuery(rawQuery: string): string {
  return rawQuery
    .split('&')
    .filter((pair) => pair !== '' && !pair.startsWith('X-Amz-Signature='))
    .map((pair) => {
      const [name = '', ...value] = pair.split('=')
      return [encode(decode(name)), encode(decode(value.join('=')))] as const
    })
    .sort(([a, x], [b, y]) => (a === b ? order(x, y) : order(a, b)))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}

function order(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    if (error instanceof URIError) throw new AwsError('InvalidURI', 400, "Couldn't parse the specified URI.")
    throw error
  }
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex')
}

function sameText(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))
}
