import { AwsError, type SandboxRequest } from '../call.ts'

/** The bucket and key that a request names, and its query. */
export interface Address {
  readonly bucket: string | undefined
  readonly key: string | undefined
  readonly query: ReadonlyMap<string, string>
}

/** `bucket.s3.eu-west-1.amazonaws.com`, or `bucket.localhost` on machines that resolve it. */
const VIRTUAL_HOST = /^(.+)\.(?:s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com|localhost)(?::\d+)?$/

export function parseAddress(request: SandboxRequest): Address {
  const query = parseQuery(request.rawQuery)
  const path = decode(request.rawPath.slice(1))
  const hosted = VIRTUAL_HOST.exec(request.headers.host ?? '')?.[1]
  if (hosted !== undefined) return { bucket: hosted, key: path === '' ? undefined : path, query }
  const slash = path.indexOf('/')
  const bucket = slash === -1 ? path : path.slice(0, slash)
  const key = slash === -1 ? '' : path.slice(slash + 1)
  return { bucket: bucket === '' ? undefined : bucket, key: key === '' ? undefined : key, query }
}

/** In S3's queries a plus sign means a blank. In S3's paths it stays a plus sign. */
export function parseQuery(rawQuery: string): Map<string, string> {
  const pairs = rawQuery.split('&').filter((pair) => pair !== '')
  return new Map(
    pairs.map((pair) => {
      const equals = pair.indexOf('=')
      const [name, value] = equals === -1 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)]
      return [decode(name), decode(value.replaceAll('+', ' '))]
    }),
  )
}

/** `/bucket/key` or `bucket/key`, percent-encoded, with an optional `?versionId=`. */
export function parseCopySource(header: string): { bucket: string; key: string; versionId: string | undefined } {
  const [path = '', query = ''] = header.split('?')
  const decoded = decode(path).replace(/^\//, '')
  const slash = decoded.indexOf('/')
  if (slash < 1 || slash === decoded.length - 1) {
    throw new AwsError(
      'InvalidArgument',
      400,
      'Copy Source must mention the source bucket and key: sourcebucket/sourcekey',
    )
  }
  const versionId = parseQuery(query).get('versionId')
  return { bucket: decoded.slice(0, slash), key: decoded.slice(slash + 1), versionId }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new AwsError('InvalidURI', 400, "Couldn't parse the specified URI.")
  }
}
