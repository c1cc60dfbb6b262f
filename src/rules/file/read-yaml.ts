import { Composer, type CST, isAlias, isMap, isNode, isScalar, isSeq, LineCounter, type ParsedNode, Parser } from 'yaml'
import { formatKey, type KeyPath, type PathFault, type RulesFault } from './rules-faults.ts'

/** The YAML of a rules file. It is unreadable when its faults make the value meaningless. */
export type RulesSource =
  | { readonly readable: false; readonly faults: readonly RulesFault[] }
  | {
      readonly readable: true
      readonly value: unknown
      readonly faults: readonly RulesFault[]
      /** Adds line and column. */
      readonly locate: (fault: PathFault) => RulesFault
    }

interface YamlNode {
  readonly path: KeyPath
  readonly offset: number
  readonly node: unknown
  readonly isKey: boolean
}

const MAX_FILE_BYTES = 1024 * 1024
/** Rules nest seven levels. The composer is recursive, so a deeply nested file could crash the process. */
const MAX_DEPTH = 16
const NO_END =
  'The file must end with a line that holds three dots (...): without it a file that was cut short would pass, and its last rules be lost.'
const DUPLICATE_KEY_PROBLEM = 'This key is here twice. Keep one.'
const ONE_DOCUMENT = 'The file holds more than one YAML document. Keep one, with nothing after its three dots.'

export function readSource(text: string): RulesSource {
  const lines = new LineCounter()
  const at = (offset: number, problem: string, path: KeyPath = []): RulesFault => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(line, 1), column: Math.max(col, 1), key: formatKey(path), problem }
  }
  if (Buffer.byteLength(text) > MAX_FILE_BYTES) return unreadable([at(0, 'The file is longer than 1 MiB.')])
  const tokens = [...new Parser(lines.addNewLine).parse(text)]
  const outer = outerFaults(tokens, text.length).map(({ offset, problem }) => at(offset, problem))
  if (isTooDeep(tokens)) return unreadable([...outer, at(0, `The file nests more than ${MAX_DEPTH} deep.`)])

  const [document] = new Composer({ version: '1.2', schema: 'core' }).compose(tokens, true, text.length)
  if (document === undefined) return unreadable(outer)
  const nodes = [...walk(document.contents, [])]
  const offsets = new Map(nodes.map(({ path, isKey, offset }) => [nodeId(path, isKey), offset]))
  const unsupported = nodes.flatMap((one) =>
    unsupportedProblems(one).map((problem) => at(one.offset, problem, one.path)),
  )
  const syntax = document.errors.filter(({ code }) => code !== 'DUPLICATE_KEY')
  const duplicates = document.errors
    .filter(({ code }) => code === 'DUPLICATE_KEY')
    .map(({ pos: [offset] }) => at(offset, DUPLICATE_KEY_PROBLEM, nodes.find((one) => one.offset === offset)?.path))
  const faults = [
    ...outer,
    ...syntax.map(({ pos, message }) => at(pos[0], `${message}.`)),
    ...unsupported,
    ...duplicates,
  ]
  if (syntax.length + unsupported.length > 0) return unreadable(faults)
  const locate = ({ path, blamed, problem }: PathFault) => at(offsetOf(offsets, path, blamed === 'key'), problem, path)
  return { readable: true, value: document.toJS(), faults, locate }
}

function unreadable(faults: readonly RulesFault[]): RulesSource {
  return { readable: false, faults }
}

function outerFaults(tokens: readonly CST.Token[], end: number): readonly { offset: number; problem: string }[] {
  const content = tokens.filter(({ type }) => type !== 'comment' && type !== 'newline' && type !== 'space')
  const directive = content.find(({ type }) => type === 'directive')
  const [, second] = content.filter(({ type }) => type === 'document')
  return [
    ...(directive
      ? [{ offset: offsetIn(directive), problem: 'YAML directives are not taken. Remove this line.' }]
      : []),
    ...(second ? [{ offset: offsetIn(second), problem: ONE_DOCUMENT }] : []),
    ...(content.at(-1)?.type === 'doc-end' ? [] : [{ offset: end, problem: NO_END }]),
  ]
}

function offsetIn(token: CST.Token): number {
  return 'offset' in token ? token.offset : 0
}

function isTooDeep(tokens: readonly CST.Token[]): boolean {
  let layer = tokens
  for (let depth = 0; depth < MAX_DEPTH && layer.length > 0; depth += 1) layer = layer.flatMap(childrenOf)
  return layer.length > 0
}

function childrenOf(token: CST.Token): readonly CST.Token[] {
  if (token.type === 'document') return token.value ? [token.value] : []
  if (!('items' in token)) return []
  return token.items.flatMap((item) => [item.key, 'value' in item ? item.value : undefined].filter((child) => !!child))
}

function* walk(node: ParsedNode | null, path: KeyPath): Generator<YamlNode> {
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

function unsupportedProblems({ node, isKey }: YamlNode): readonly string[] {
  if (isAlias(node)) return ['Aliases are not taken, for a reader must see each rule whole. Write it out.']
  const key = isKey ? isScalar(node) && node.value : undefined
  return [
    ...(isKey && typeof key !== 'string' ? ['A key is text. Put it in quotes if it looks like something else.'] : []),
    // zod drops this key without an error.
    ...(key === '__proto__' ? ['There is no key `__proto__` here.'] : []),
    ...(isNode(node) && 'anchor' in node && node.anchor ? ['Anchors are not taken. Remove it.'] : []),
    ...(isNode(node) && node.tag ? ['YAML tags are not taken. Remove it.'] : []),
  ]
}

function nodeId(path: KeyPath, isKey: boolean): string {
  return JSON.stringify([isKey, ...path])
}

/**
 * The position of the key or value at this path. If the file does not have it, the position of the nearest node around
 * it.
 */
function offsetOf(offsets: ReadonlyMap<string, number>, path: KeyPath, isKey: boolean): number {
  const offset = offsets.get(nodeId(path, isKey)) ?? offsets.get(nodeId(path, !isKey))
  if (offset !== undefined) return offset
  return path.length === 0 ? 0 : offsetOf(offsets, path.slice(0, -1), false)
}
