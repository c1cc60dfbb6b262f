import { createHash } from 'node:crypto'
import { AwsError, type SandboxRequest } from '../call.ts'
import { type Checksum, verifiedChecksum } from './checksum.ts'

export interface Payload {
  readonly body: Buffer
  readonly checksum: Checksum | undefined
}

/** Decodes the body after all digests in the request were verified. */
export function readPayload({ headers, body }: SandboxRequest): Payload {
  const hash = headers['x-amz-content-sha256'] ?? 'UNSIGNED-PAYLOAD'
  if (hash.startsWith('STREAMING-AWS4')) {
    throw new AwsError('NotImplemented', 501, 'The sandbox takes no chunk-signed bodies.')
  }
  if (hash === 'STREAMING-UNSIGNED-PAYLOAD-TRAILER') {
    const { data, trailers } = decodeChunks(body)
    checkDecodedLength(headers, data)
    return { body: data, checksum: verifiedChecksum({ ...headers, ...trailers }, data) }
  }
  if (hash !== 'UNSIGNED-PAYLOAD' && hash !== createHash('sha256').update(body).digest('hex')) {
    throw new AwsError(
      'XAmzContentSHA256Mismatch',
      400,
      "The provided 'x-amz-content-sha256' header does not match what was computed.",
    )
  }
  checkMd5(headers, body)
  return { body, checksum: verifiedChecksum(headers, body) }
}

function checkMd5(headers: Readonly<Record<string, string>>, body: Buffer): void {
  const claimed = headers['content-md5']
  if (claimed === undefined || createHash('md5').update(body).digest('base64') === claimed) return
  throw new AwsError('BadDigest', 400, 'The Content-MD5 you specified did not match what we received.')
}

function checkDecodedLength(headers: Readonly<Record<string, string>>, data: Buffer): void {
  const claimed = headers['x-amz-decoded-content-length']
  if (claimed === undefined) {
    throw new AwsError('MissingContentLength', 411, 'You must provide the Content-Length HTTP header.')
  }
  if (Number(claimed) !== data.length) throw incomplete()
}

/** Decodes `aws-chunked`: chunks of a size in hex and data up to a chunk of size zero, then trailers as header lines. */
function decodeChunks(body: Buffer): { data: Buffer; trailers: Record<string, string> } {
  const chunks: Buffer[] = []
  let at = 0
  for (;;) {
    const lineEnd = body.indexOf('\r\n', at)
    if (lineEnd === -1) throw incomplete()
    const size = Number.parseInt(body.toString('latin1', at, lineEnd), 16)
    if (!Number.isSafeInteger(size) || lineEnd + 2 + size > body.length) throw incomplete()
    at = lineEnd + 2
    if (size === 0) break
    chunks.push(body.subarray(at, at + size))
    at += size + 2
  }
  return { data: Buffer.concat(chunks), trailers: parseTrailers(body.toString('latin1', at)) }
}

function parseTrailers(text: string): Record<string, string> {
  const lines = text.split('\r\n').filter((line) => line.includes(':'))
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  )
}

function incomplete(): AwsError {
  return new AwsError(
    'IncompleteBody',
    400,
    'The request body terminated unexpectedly or is not in the aws-chunked form.',
  )
}
