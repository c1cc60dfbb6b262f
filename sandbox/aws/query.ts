import { AwsError, type Reply, type SandboxRequest } from './call.ts'

/** The AWS Query protocol of IAM and STS: form fields in, XML out. */

/** A value of an answer. An array becomes `<member>` elements; undefined is left out. */
export type Xml = string | number | boolean | undefined | readonly Xml[] | { readonly [name: string]: Xml }

export type Form = Readonly<Record<string, string>>

export function readForm(request: SandboxRequest): Form {
  const text = request.method === 'GET' ? request.rawQuery : request.body.toString('utf8')
  return Object.fromEntries(new URLSearchParams(text))
}

/** `Tags.member.1.Key=a&Tags.member.1.Value=b` → [['a', 'b']] */
export function readTags(form: Form): (readonly [string, string])[] {
  return readMembers(form, 'Tags', '.Key').map((key, index) => [key, form[`Tags.member.${index + 1}.Value`] ?? ''])
}

/** `<name>.member.1<suffix>`, `.2`, … */
export function readMembers(form: Form, name: string, suffix = ''): string[] {
  const found: string[] = []
  for (;;) {
    const value = form[`${name}.member.${found.length + 1}${suffix}`]
    if (value === undefined) return found
    found.push(value)
  }
}

export function queryReply(action: string, result: Xml, namespace: string, requestId: string): Reply {
  const inner = result === undefined ? '' : element(`${action}Result`, result)
  return xmlReply(
    200,
    `<${action}Response xmlns="${namespace}">${inner}${element('ResponseMetadata', { RequestId: requestId })}</${action}Response>`,
  )
}

export function queryError(error: AwsError, namespace: string, requestId: string): Reply {
  const type = error.status >= 500 ? 'Receiver' : 'Sender'
  const inner = element('Error', { Type: type, Code: error.code, Message: error.message })
  return xmlReply(
    error.status,
    `<ErrorResponse xmlns="${namespace}">${inner}${element('RequestId', requestId)}</ErrorResponse>`,
  )
}

function xmlReply(status: number, body: string): Reply {
  return { status, headers: { 'content-type': 'text/xml' }, body }
}

function element(name: string, value: Xml): string {
  if (value === undefined) return ''
  if (isList(value)) return `<${name}>${value.map((one) => element('member', one)).join('')}</${name}>`
  if (typeof value === 'object') {
    return `<${name}>${Object.entries(value)
      .map(([key, one]) => element(key, one))
      .join('')}</${name}>`
  }
  return `<${name}>${escapeXml(String(value))}</${name}>`
}

function isList(value: Xml): value is readonly Xml[] {
  return Array.isArray(value)
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"\r]/g, (one) => `&#${one.charCodeAt(0)};`)
}

/** Encodes by RFC 3986, as IAM encodes the documents that it returns. */
export function encodeDocument(document: string): string {
  return encodeURIComponent(document).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
}

export interface Constraint {
  readonly pattern?: RegExp
  readonly shortest?: number
  readonly longest?: number
}

/** Reads a required member. */
export function demand(form: Form, name: string, constraint: Constraint = {}): string {
  const value = form[name]
  if (value === undefined) throw invalid(`Value null at '${lowerFirst(name)}'`, 'Member must not be null')
  check(value, name, constraint)
  return value
}

export function optional(form: Form, name: string, constraint: Constraint = {}): string | undefined {
  const value = form[name]
  if (value !== undefined) check(value, name, constraint)
  return value
}

export function check(value: string, name: string, { pattern, shortest = 1, longest }: Constraint): void {
  const where = `Value '${value.length > 200 ? '…' : value}' at '${lowerFirst(name)}'`
  if (value.length < shortest) throw invalid(where, `Member must have length greater than or equal to ${shortest}`)
  if (longest !== undefined && value.length > longest) {
    throw invalid(where, `Member must have length less than or equal to ${longest}`)
  }
  if (pattern !== undefined && !new RegExp(`^(?:${pattern.source})$`, pattern.flags).test(value)) {
    throw invalid(where, `Member must satisfy regular expression pattern: ${pattern.source}`)
  }
}

export function wholeNumber(
  form: Form,
  name: string,
  { least, most, fallback }: { least: number; most: number; fallback: number },
): number {
  const text = form[name]
  if (text === undefined) return fallback
  const value = Number(text)
  if (!Number.isInteger(value)) throw invalid(`Value '${text}' at '${lowerFirst(name)}'`, 'Member must be a number')
  const where = `Value '${value}' at '${lowerFirst(name)}'`
  if (value < least) throw invalid(where, `Member must have value greater than or equal to ${least}`)
  if (value > most) throw invalid(where, `Member must have value less than or equal to ${most}`)
  return value
}

export function invalid(where: string, constraint: string): AwsError {
  return new AwsError(
    'ValidationError',
    400,
    `1 validation error detected: ${where} failed to satisfy constraint: ${constraint}`,
  )
}

function lowerFirst(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1)
}
