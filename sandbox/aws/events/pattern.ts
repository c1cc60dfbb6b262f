import { BlockList, isIPv4, isIPv6 } from 'node:net'
import { isArray, isObject, type Json, type JsonObject } from './json.ts'
import { InvalidPattern } from './pattern-syntax.ts'

/**
 * EventBridge's pattern matching ("Creating Amazon EventBridge event patterns").
 * One difference: the sandbox compares numbers by value, EventBridge by text (there 300 and 3.0e2 differ).
 */
export function matchesPattern(pattern: JsonObject, event: JsonObject): boolean {
  return Object.entries(pattern).every(([key, wanted]) => {
    if (key === '$or' && isArray(wanted) && wanted.every(isObject)) {
      return wanted.some((option) => matchesPattern(option, event))
    }
    return matchesField(wanted, event[key])
  })
}

function matchesField(wanted: Json, found: Json | undefined): boolean {
  if (isArray(wanted)) return matchesLeaf(wanted, leavesOf(found))
  if (!isObject(wanted)) throw new InvalidPattern('a field must be an object or an array')
  const below = objectsOf(found)
  // A missing parent satisfies {"exists": false} of its children.
  if (below.length === 0) return matchesPattern(wanted, {})
  return below.some((one) => matchesPattern(wanted, one))
}

function matchesLeaf(matchers: readonly Json[], leaves: readonly Json[]): boolean {
  if (leaves.length === 0) return matchers.some((matcher) => isObject(matcher) && matcher.exists === false)
  return leaves.some((leaf) => matchers.some((matcher) => matchesValue(matcher, leaf)))
}

/** Returns the leaves: "exists" never matches an intermediate node. */
function leavesOf(found: Json | undefined): readonly Json[] {
  if (found === undefined || isObject(found)) return []
  return isArray(found) ? found.flatMap(leavesOf) : [found]
}

function objectsOf(found: Json | undefined): readonly JsonObject[] {
  if (isObject(found)) return [found]
  return isArray(found) ? found.flatMap(objectsOf) : []
}

function matchesValue(matcher: Json, leaf: Json): boolean {
  if (!isObject(matcher)) return matcher === leaf
  const [operator, argument] = Object.entries(matcher)[0] ?? []
  if (operator === undefined || argument === undefined) throw new InvalidPattern('an empty matcher')
  if (operator === 'exists') return argument === true
  if (operator === 'anything-but') return !isAmong(argument, leaf)
  if (operator === 'numeric') return typeof leaf === 'number' && isArray(argument) && comparesNumbers(argument, leaf)
  return typeof leaf === 'string' && matchesText(operator, argument, leaf)
}

function isAmong(argument: Json, leaf: Json): boolean {
  if (isArray(argument)) return argument.includes(leaf)
  if (!isObject(argument)) return argument === leaf
  const [operator, values] = Object.entries(argument)[0] ?? []
  if (operator === undefined || values === undefined || typeof leaf !== 'string') return false
  return (isArray(values) ? values : [values]).some((value) => matchesText(operator, value, leaf))
}

function matchesText(operator: string, argument: Json, leaf: string): boolean {
  if (isObject(argument)) {
    const folded = argument['equals-ignore-case']
    if (typeof folded !== 'string') throw new InvalidPattern(`${operator} takes a string`)
    return matchesText(operator, folded.toLowerCase(), leaf.toLowerCase())
  }
  if (typeof argument !== 'string') throw new InvalidPattern(`${operator} takes a string`)
  switch (operator) {
    case 'prefix':
      return leaf.startsWith(argument)
    case 'suffix':
      return leaf.endsWith(argument)
    case 'equals-ignore-case':
      return leaf.toLowerCase() === argument.toLowerCase()
    case 'wildcard':
      return wildcardExpression(argument).test(leaf)
    case 'cidr':
      return isInBlock(argument, leaf)
    default:
      throw new InvalidPattern(`Unrecognized match type ${operator}`)
  }
}

function wildcardExpression(wildcard: string): RegExp {
  const source = wildcard.replace(/\\[\\*]|\*|[^*\\]+/g, (part) => {
    if (part === '*') return '[\\s\\S]*'
    const literal = part.startsWith('\\') ? part.slice(1) : part
    return literal.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  })
  return new RegExp(`^${source}$`)
}

function isInBlock(cidr: string, address: string): boolean {
  const [network = '', bits = ''] = cidr.split('/')
  const block = new BlockList()
  block.addSubnet(network, Number(bits), isIPv6(network) ? 'ipv6' : 'ipv4')
  if (isIPv4(address)) return block.check(address, 'ipv4')
  return isIPv6(address) && block.check(address, 'ipv6')
}

function comparesNumbers(argument: readonly Json[], leaf: number): boolean {
  for (let at = 0; at < argument.length; at += 2) {
    const bound = Number(argument[at + 1])
    if (!comparesNumber(argument[at], bound, leaf)) return false
  }
  return true
}

function comparesNumber(operator: Json | undefined, bound: number, leaf: number): boolean {
  switch (operator) {
    case '=':
      return leaf === bound
    case '<':
      return leaf < bound
    case '<=':
      return leaf <= bound
    case '>':
      return leaf > bound
    case '>=':
      return leaf >= bound
    default:
      throw new InvalidPattern(`Unrecognized numeric operator ${String(operator)}`)
  }
}
