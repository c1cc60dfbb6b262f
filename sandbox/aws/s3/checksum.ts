import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { AwsError } from '../call.ts'

/** "Checking object integrity in Amazon S3". The sandbox does not know CRC64NVME and refuses requests that carry it. */

export type Algorithm = 'CRC32' | 'CRC32C' | 'SHA1' | 'SHA256'

export interface Checksum {
  readonly algorithm: Algorithm
  /** Base64. A composite checksum ends in `-<parts>`. */
  readonly value: string
}

const ALGORITHMS: readonly Algorithm[] = ['CRC32', 'CRC32C', 'SHA1', 'SHA256']

/** The Castagnoli polynomial, reflected. */
const CRC32C_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1
  return value
})

function crc32c(body: Buffer): number {
  let value = 0xffffffff
  for (const byte of body) value = (value >>> 8) ^ (CRC32C_TABLE[(value ^ byte) & 0xff] ?? 0)
  return (value ^ 0xffffffff) >>> 0
}

function base64Of(value: number): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes.toString('base64')
}

function digest(algorithm: Algorithm, body: Buffer): string {
  switch (algorithm) {
    case 'CRC32':
      return base64Of(crc32(body))
    case 'CRC32C':
      return base64Of(crc32c(body))
    case 'SHA1':
    case 'SHA256':
      return createHash(algorithm).update(body).digest('base64')
  }
}

export function headerName(algorithm: Algorithm): string {
  return `x-amz-checksum-${algorithm.toLowerCase()}`
}

/** Returns the checksum from the header or trailer after it was verified. */
export function verifiedChecksum(headers: Readonly<Record<string, string>>, body: Buffer): Checksum | undefined {
  if (headers['x-amz-checksum-crc64nvme'] !== undefined) {
    throw new AwsError('NotImplemented', 501, 'The sandbox does not know CRC64NVME.')
  }
  for (const algorithm of ALGORITHMS) {
    const claimed = headers[headerName(algorithm)]
    if (claimed === undefined) continue
    if (digest(algorithm, body) !== claimed) {
      throw new AwsError('BadDigest', 400, `The ${algorithm} you specified did not match the calculated checksum.`)
    }
    return { algorithm, value: claimed }
  }
  return undefined
}

/** The checksum of the parts' checksums; undefined when a part has none or their algorithms differ. */
export function compositeChecksum(parts: readonly (Checksum | undefined)[]): Checksum | undefined {
  const algorithm = parts[0]?.algorithm
  if (algorithm === undefined || parts.some((part) => part?.algorithm !== algorithm)) return undefined
  const joined = Buffer.concat(parts.map((part) => Buffer.from(part?.value ?? '', 'base64')))
  return { algorithm, value: `${digest(algorithm, joined)}-${parts.length}` }
}
