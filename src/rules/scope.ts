import { LatchkeyError } from '../errors.ts'
import { bucketNameProblem } from './bucket-name.ts'

/**
 * A bucket (`key` is empty), a prefix (`key` ends in `/`) or one object. Only `parseScope` makes one, so it is always
 * canonical.
 */
export interface Scope {
  readonly bucket: string
  readonly key: string
}

const FORM = 'Write s3://bucket/, s3://bucket/prefix/ or s3://bucket/one/object.csv.'
const MAX_KEY_BYTES = 1024
const SCHEME = 's3://'

/**
 * Reads a scope. Keys are literal: `%20` means these three characters, and case matters.
 * @throws BAD_INPUT
 * @example parseScope('s3://finance-reports/2026/') // { bucket: 'finance-reports', key: '2026/' }
 */
export function parseScope(text: string): Scope {
  const problem = characterProblem(text)
  if (problem) refuse(problem)
  if (!text.startsWith(SCHEME)) refuse(`A scope begins with ${SCHEME}. ${FORM}`)
  const rest = text.slice(SCHEME.length)
  const slash = rest.indexOf('/')
  const bucket = slash < 0 ? rest : rest.slice(0, slash)
  const key = slash < 0 ? '' : rest.slice(slash + 1)
  const fault = bucketNameProblem(bucket) ?? keyProblem(key)
  if (fault) refuse(fault)
  return { bucket, key }
}

export function formatScope({ bucket, key }: Scope): string {
  return `${SCHEME}${bucket}/${key}`
}

/** Whether every object that `inner` reaches is also reached by `outer`. */
export function contains(outer: Scope, inner: Scope): boolean {
  if (outer.bucket !== inner.bucket) return false
  const isOneObject = outer.key !== '' && !outer.key.endsWith('/')
  return isOneObject ? inner.key === outer.key : inner.key.startsWith(outer.key)
}

function refuse(problem: string): never {
  throw new LatchkeyError('BAD_INPUT', { problem })
}

/** A scope may not contain `*`, `?` and `${`, because IAM reads them in a resource as wildcards and variables. */
function characterProblem(text: string): string | undefined {
  const wildcard = /[*?]|\$\{/.exec(text)?.[0]
  if (wildcard)
    return `A scope is literal and cannot hold ${wildcard}. To reach everything below a prefix, end it in a slash.`
  if (text.includes('\\')) return `A scope cannot hold a backslash. ${FORM}`
  const unprintable = /[^\x20-\x7e]/u.exec(text)?.[0]
  if (unprintable)
    return `A scope holds printable ASCII only, and this one holds ${codePoint(unprintable)}. Ask for a prefix above it.`
  if (text.trim() !== text) return `A scope cannot begin or end with a space. ${FORM}`
  return undefined
}

function keyProblem(key: string): string | undefined {
  if (key.length > MAX_KEY_BYTES) return `The key is ${key.length} bytes long; S3 takes ${MAX_KEY_BYTES} at most.`
  if (key.startsWith('/')) return `The key cannot begin with a slash: one slash follows the bucket. ${FORM}`
  const segments = key.split('/')
  // S3 accepts such keys, but some clients shorten them, so the client's key and S3's would differ.
  if (segments.slice(0, -1).includes('')) return `The key cannot hold two slashes in a row. ${FORM}`
  if (segments.some((segment) => segment === '.' || segment === '..'))
    return 'The key cannot hold . or .. between slashes: S3 has no folders to go up. Write the whole prefix.'
  return undefined
}

function codePoint(character: string): string {
  const hex = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')
  return `U+${hex}`
}
