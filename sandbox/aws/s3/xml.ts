import { XMLParser } from 'fast-xml-parser'
import type { z } from 'zod'
import { AwsError, type Reply } from '../call.ts'

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/'

/** A tree of elements: text, or children by name. A list repeats its element. */
export type Element = string | number | boolean | { readonly [name: string]: Element | readonly Element[] | undefined }

function escapeXml(text: string): string {
  return text.replace(/[&<>"'\r\n]/g, (character) => `&#${character.charCodeAt(0)};`)
}

function renderElement(name: string, element: Element, attributes = ''): string {
  if (typeof element !== 'object') return `<${name}${attributes}>${escapeXml(String(element))}</${name}>`
  const children = Object.entries(element).map(([child, value]) => {
    if (value === undefined) return ''
    return isList(value) ? value.map((one) => renderElement(child, one)).join('') : renderElement(child, value)
  })
  return `<${name}${attributes}>${children.join('')}</${name}>`
}

function isList(value: Element | readonly Element[]): value is readonly Element[] {
  return Array.isArray(value)
}

export function renderXml(root: string, element: Element, namespace: string | undefined = NAMESPACE): string {
  const attributes = namespace === undefined || namespace === '' ? '' : ` xmlns="${namespace}"`
  return `<?xml version="1.0" encoding="UTF-8"?>\n${renderElement(root, element, attributes)}`
}

export function xmlReply(root: string, element: Element, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status: 200, headers: { 'content-type': 'application/xml', ...headers }, body: renderXml(root, element) }
}

const parser = new XMLParser({
  ignoreAttributes: true,
  parseTagValue: false,
  trimValues: false,
  isArray: (name) => name === 'Part' || name === 'Object' || name === 'Tag',
})

/** Parses the document below its root element into the given shape. */
export function parseXml<Shape extends z.ZodType>(body: Buffer, root: string, shape: Shape): z.infer<Shape> {
  const parsed = shape.safeParse(parseTree(body)[root])
  if (!parsed.success) throw malformed()
  return parsed.data
}

function parseTree(body: Buffer): Record<string, unknown> {
  try {
    const tree: unknown = parser.parse(body)
    return typeof tree === 'object' && tree !== null ? { ...tree } : {}
  } catch {
    throw malformed()
  }
}

export function malformed(): AwsError {
  return new AwsError(
    'MalformedXML',
    400,
    'The XML you provided was not well-formed or did not validate against our published schema',
  )
}
