/** A time as people read it, `Sun 29 November 2026, 22:41 UTC`, whose length varies. */
export const WORDS_OF_A_TIME = /\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d{1,2} [A-Z][a-z]+ \d{4}, \d\d:\d\d UTC/g

/** What differs from run to run, by kind. Longer patterns come first. */
const MASKS: readonly (readonly [RegExp, string])[] = [
  [/\b(activate|revoke|sync)-([rg])-[0-9a-hjkmnp-tv-z]{12}-([a-z]*)\d+/g, '$1-$2-<id>-$3<n>'],
  [/\b([rgcn])-[0-9a-hjkmnp-tv-z]{12}\b/g, '$1-<id>'],
  [/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi, '<guid>'],
  [/(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])/g, '<32>'],
  [/LatchkeyEpoch[0-9a-f]+/g, 'LatchkeyEpoch<hex>'],
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '<time>'],
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, '<second>'],
  [/\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT/g, '<date>'],
  [WORDS_OF_A_TIME, '<minute>'],
  [/\bhttps?:\/\/127\.0\.0\.1:\d+/g, '<origin>'],
  [/\b(AROA|AIDA)[0-9A-Z]{8,}/g, '$1<id>'],
  [/(?<![\w-])\d[-.][\w-]{22}(?![\w-])/g, '<version>'],
  [/(?<![\w-])[\w-]{43}(?![\w-])/g, '<43>'],
  [/(?<![\w-])(?=[\w-]*[A-Z0-9])[\w-]{22}(?![\w-])/g, '<22>'],
  [/(?<!\d)1\d{12}(?!\d)/g, '<ms>'],
]

export function mask(text: string): string {
  return MASKS.reduce((masked, [pattern, by]) => masked.replace(pattern, by), text)
}

/** Masks every string in the value, names included. */
export function maskAll(value: unknown): unknown {
  if (typeof value === 'string') return mask(value)
  if (Array.isArray(value)) return value.map(maskAll)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [mask(name), maskAll(inner)]))
}

/** The path of every leaf, with `[]` for list items, and the leaf. An empty object or list is a leaf. */
export function leavesOf(value: unknown, path = ''): readonly (readonly [path: string, leaf: unknown])[] {
  if (typeof value !== 'object' || value === null) return [[path, value]]
  const inner = Array.isArray(value)
    ? value.flatMap((one) => leavesOf(one, `${path}[]`))
    : Object.entries(value).flatMap(([name, one]) => leavesOf(one, path === '' ? name : `${path}.${name}`))
  return inner.length === 0 ? [[path, value]] : inner
}

/** Undefined when the text is no JSON object. */
export function jsonIn(text: string): Readonly<Record<string, unknown>> | undefined {
  if (!text.startsWith('{')) return undefined
  try {
    return Object(JSON.parse(text))
  } catch {
    return undefined
  }
}

type Schema = Readonly<Record<string, unknown>>

/** The paths of all values that a JSON schema allows, in the form of `leavesOf`. */
export function pathsOf(schema: Schema, path = ''): readonly string[] {
  const branches = [schema.anyOf, schema.oneOf, schema.allOf].flatMap((list) => (Array.isArray(list) ? list : []))
  if (branches.length > 0) return branches.flatMap((one) => pathsOf(one, path))
  if (schema.type === 'array') return pathsOf(Object(schema.items), `${path}[]`)
  if (schema.type !== 'object') return [path]
  return Object.entries(Object(schema.properties)).flatMap(([name, inner]) =>
    pathsOf(Object(inner), path === '' ? name : `${path}.${name}`),
  )
}
