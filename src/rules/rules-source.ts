import { Composer, type CST, isAlias, isMap, isNode, isScalar, isSeq, LineCounter, type ParsedNode, Parser } from 'yaml'
import { formatKey, type KeyPath, type PlacedFault, type RulesFault } from './rules-faults.ts'

/** The YAML of a rules file: its plain value, and where in the text each part of it stands. */
export interface RulesSource {
  readonly value: unknown
  readonly faults: readonly RulesFault[]
  /** False: the faults are of a kind that makes the value meaningless. */
  readonly readable: boolean
  place(fault: PlacedFault): RulesFault
}

interface NodePart {
  readonly path: KeyPath
  readonly offset: number
  readonly node: unknown
  readonly isKey: boolean
}

const LONGEST_FILE_BYTES = 1024 * 1024
/** The rules nest seven deep; composing is recursive, and a hostile file would end the process. */
const DEEPEST = 16
const NO_END =
  'The file must end with a line that holds three dots (...): without it a file that was cut short would pass, and its last rules be lost.'
const ONE_DOCUMENT = 'The file holds more than one YAML document. Keep one, which ends at the end of the file with ....'

export function readSource(text: string): RulesSource {
  const lines = new LineCounter()
  const fault = (offset: number, problem: string, path: KeyPath = []): RulesFault => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(line, 1), column: Math.max(col, 1), key: formatKey(path), problem }
  }
  const unreadable = (faults: readonly RulesFault[]): RulesSource => {
    return { value: undefined, faults, readable: false, place: (placed) => fault(0, placed.problem, placed.path) }
  }
  if (Buffer.byteLength(text) > LONGEST_FILE_BYTES) return unreadable([fault(0, 'The file is longer than 1 MiB.')])
  const tokens = [...new Parser(lines.addNewLine).parse(text)]
  const frame = frameFaults(tokens, text.length).map(({ offset, problem }) => fault(offset, problem))
  if (isTooDeep(tokens)) return unreadable([...frame, fault(0, `The file nests more than ${DEEPEST} deep.`)])

  const [document] = new Composer({ version: '1.2', schema: 'core' }).compose(tokens, true, text.length)
  if (document === undefined) return unreadable(frame)
  const parts = [...walk(document.contents, [])]
  const odd = parts.flatMap(({ offset, node, path, isKey }) =>
    oddities(node, isKey).map((problem) => fault(offset, problem, path)),
  )
  const broken = [...document.errors, ...document.warnings].filter(({ code }) => code !== 'TAG_RESOLVE_FAILED')
  const syntax = broken
    .filter(({ code }) => code !== 'DUPLICATE_KEY')
    .map(({ pos, message }) => fault(pos[0], `${message}.`))
  const doubles = broken
    .filter(({ code }) => code === 'DUPLICATE_KEY')
    .map(({ pos }) => fault(pos[0], 'This key is here twice. Keep one.', parts.find((p) => p.offset === pos[0])?.path))
  if (syntax.length + odd.length > 0) return unreadable([...frame, ...syntax, ...odd, ...doubles])
  return {
    value: document.toJS(),
    faults: [...frame, ...doubles],
    readable: true,
    place: ({ path, part, problem }) => fault(offsetOf(parts, path, part), problem, path),
  }
}

function frameFaults(tokens: readonly CST.Token[], end: number): readonly { offset: number; problem: string }[] {
  const meaning = tokens.filter(({ type }) => type !== 'comment' && type !== 'newline' && type !== 'space')
  const directive = meaning.find(({ type }) => type === 'directive')
  const [, second] = meaning.filter(({ type }) => type === 'document')
  return [
    ...(directive
      ? [{ offset: offsetIn(directive), problem: 'YAML directives are not taken. Remove this line.' }]
      : []),
    ...(second ? [{ offset: offsetIn(second), problem: ONE_DOCUMENT }] : []),
    ...(meaning.at(-1)?.type === 'doc-end' ? [] : [{ offset: end, problem: NO_END }]),
  ]
}

function offsetIn(token: CST.Token): number {
  return 'offset' in token ? token.offset : 0
}

function isTooDeep(tokens: readonly CST.Token[]): boolean {
  let layer = tokens
  for (let depth = 0; depth < DEEPEST && layer.length > 0; depth += 1) layer = layer.flatMap(childrenOf)
  return layer.length > 0
}

function childrenOf(token: CST.Token): readonly CST.Token[] {
  if (token.type === 'document') return token.value ? [token.value] : []
  if (!('items' in token)) return []
  return token.items.flatMap((item) => [item.key, 'value' in item ? item.value : undefined].filter((child) => !!child))
}

function* walk(node: ParsedNode | null, path: KeyPath): Generator<NodePart> {
  if (node === null) return
  yield { path, offset: node.range[0], node, isKey: false }
  if (isSeq<ParsedNode>(node)) for (const [index, item] of node.items.entries()) yield* walk(item, [...path, index])
  if (!isMap<ParsedNode, ParsedNode | null>(node)) return
  for (const { key, value } of node.items) {
    const inner = [...path, isScalar(key) ? String(key.value) : '?']
    yield { path: inner, offset: key.range[0], node: key, isKey: true }
    yield* walk(value, inner)
  }
}

function oddities(node: unknown, isKey: boolean): readonly string[] {
  if (isAlias(node)) return ['Aliases are not taken, for a reader must see each rule whole. Write it out.']
  const problems: string[] = []
  if (isKey && !(isScalar(node) && typeof node.value === 'string' && node.value !== '__proto__'))
    problems.push('A key is plain text here. Put it in quotes if it looks like a number.')
  if (isNode(node) && 'anchor' in node && node.anchor) problems.push('Anchors are not taken. Remove it.')
  if (isNode(node) && node.tag?.startsWith('!')) problems.push('YAML tags are not taken. Remove it.')
  return problems
}

/** A part that is missing is placed at the nearest one around it. */
function offsetOf(parts: readonly NodePart[], path: KeyPath, part: 'key' | 'value'): number {
  const key = formatKey(path)
  const here = parts.filter((candidate) => formatKey(candidate.path) === key)
  const found = here.find(({ isKey }) => isKey === (part === 'key')) ?? here[0]
  if (found) return found.offset
  return path.length === 0 ? 0 : offsetOf(parts, path.slice(0, -1), 'value')
}
