import { isIP } from 'node:net'
import { isArray, isObject, type Json, type JsonObject } from './json.ts'

/** The pattern is not valid. EventBridge answers `InvalidEventPatternException` with this reason. */
export class InvalidPattern extends Error {
  constructor(reason: string) {
    super(`Event pattern is not valid. Reason: ${reason}`)
    this.name = 'InvalidPattern'
  }
}

// Numeric values are at most five thousand million from zero ("Amazon EventBridge event patterns: operators").
const NUMERIC_LIMIT = 5_000_000_000
const NUMERIC_OPERATORS = new Set(['=', '<', '<=', '>', '>='])
const EXCLUDABLE = new Set(['prefix', 'suffix', 'equals-ignore-case', 'wildcard'])
const OR_COMBINATIONS = 1000

export function parsePattern(text: string): JsonObject {
  let pattern: Json
  try {
    pattern = JSON.parse(text)
  } catch {
    throw new InvalidPattern('Unrecognized token: the pattern is not JSON')
  }
  if (!isObject(pattern)) throw new InvalidPattern('Filter is not an object')
  if (Object.keys(pattern).length === 0) throw new InvalidPattern('Empty objects are not allowed')
  checkObject(pattern)
  if (combinations(pattern) > OR_COMBINATIONS) throw new InvalidPattern('too many rule combinations from $or')
  return pattern
}

function combinations(pattern: JsonObject): number {
  return Object.entries(pattern).reduce((product, [key, value]) => {
    if (key === '$or' && isArray(value)) {
      return product * value.filter(isObject).reduce((sum, option) => sum + combinations(option), 0)
    }
    return isObject(value) ? product * combinations(value) : product
  }, 1)
}

function checkObject(pattern: JsonObject): void {
  for (const [key, value] of Object.entries(pattern)) {
    if (key === '$or' && isArray(value)) {
      checkOr(value)
    } else if (isArray(value)) {
      if (value.length === 0) throw new InvalidPattern('Empty arrays are not allowed')
      for (const matcher of value) checkMatcher(matcher)
    } else if (isObject(value)) {
      if (Object.keys(value).length === 0) throw new InvalidPattern('Empty objects are not allowed')
      checkObject(value)
    } else {
      throw new InvalidPattern(`"${key}" must be an object or an array`)
    }
  }
}

function checkOr(options: readonly Json[]): void {
  if (options.length < 2) throw new InvalidPattern('There must be at least 2 Objects in $or')
  for (const option of options) {
    if (!isObject(option) || Object.keys(option).length === 0) throw new InvalidPattern('$or takes objects')
    checkObject(option)
  }
}

function checkMatcher(matcher: Json): void {
  if (isArray(matcher)) throw new InvalidPattern('Match value must be String, number, true, false, or null')
  if (!isObject(matcher)) return
  const [first, second] = Object.entries(matcher)
  if (first === undefined || second !== undefined) throw new InvalidPattern('Only one key allowed in match expression')
  checkOperator(first[0], first[1])
}

function checkOperator(operator: string, argument: Json): void {
  if (operator === 'exists') checkExists(argument)
  else if (operator === 'numeric') checkNumeric(argument)
  else if (operator === 'cidr') checkCidr(argument)
  else if (operator === 'anything-but') checkAnythingBut(argument)
  else if (operator === 'prefix' || operator === 'suffix') checkEnd(operator, argument)
  else if (operator === 'equals-ignore-case' || operator === 'wildcard') checkText(operator, argument)
  else throw new InvalidPattern(`Unrecognized match type ${operator}`)
}

function checkExists(argument: Json): void {
  if (typeof argument !== 'boolean') throw new InvalidPattern('exists match pattern must be either true or false.')
}

function checkEnd(operator: string, argument: Json): void {
  if (isObject(argument)) checkFolded(operator, argument)
  else checkText(operator, argument)
}

function checkFolded(operator: string, argument: JsonObject): void {
  const keys = Object.keys(argument)
  if (keys.length !== 1 || keys[0] !== 'equals-ignore-case') {
    throw new InvalidPattern(`Unsupported anything inside ${operator}`)
  }
  checkText(operator, argument['equals-ignore-case'] ?? null)
}

function checkText(operator: string, argument: Json): void {
  if (typeof argument !== 'string') throw new InvalidPattern(`${operator} match pattern must be a string`)
  if (operator !== 'wildcard') return
  if (/(?<!\\)\*\*/.test(argument)) throw new InvalidPattern('Consecutive wildcard characters')
  if (/(?:^|[^\\])(?:\\\\)*\\(?![\\*])/.test(argument)) throw new InvalidPattern('Invalid escape character')
}

function checkAnythingBut(argument: Json): void {
  if (isObject(argument)) {
    const [first, second] = Object.entries(argument)
    if (first === undefined || second !== undefined || !EXCLUDABLE.has(first[0])) {
      throw new InvalidPattern('Unsupported anything-but pattern')
    }
    const values = isArray(first[1]) ? first[1] : [first[1]]
    if (values.length === 0) throw new InvalidPattern('Empty arrays are not allowed')
    for (const value of values) checkText(first[0], value)
    return
  }
  if (!isArray(argument)) {
    if (argument === null) throw new InvalidPattern('Value of anything-but must be an array or single string/number')
    return
  }
  const kinds = new Set(argument.map((value) => typeof value))
  const kind = [...kinds][0]
  if (kinds.size !== 1 || (kind !== 'string' && kind !== 'number')) {
    throw new InvalidPattern('Inside anything-but list, either all values are Number or String')
  }
}

function checkNumeric(argument: Json): void {
  if (!isArray(argument) || (argument.length !== 2 && argument.length !== 4)) {
    throw new InvalidPattern('Invalid member in numeric match')
  }
  argument.forEach((part, at) => {
    if (at % 2 === 0) {
      if (typeof part !== 'string' || !NUMERIC_OPERATORS.has(part)) {
        throw new InvalidPattern(`Unrecognized numeric range operator: ${String(part)}`)
      }
    } else if (typeof part !== 'number' || Math.abs(part) > NUMERIC_LIMIT) {
      throw new InvalidPattern('Value must be between -5.0E9 and +5.0E9, inclusive')
    }
  })
  if (argument.length === 4) checkRange(argument)
}

function checkRange(argument: readonly Json[]): void {
  const lowers = [argument[0], argument[2]].filter((operator) => operator === '>' || operator === '>=')
  if (lowers.length !== 1 || argument[0] === '=' || argument[2] === '=')
    throw new InvalidPattern('Bad numeric range operator')
  const [lower, upper] = lowers[0] === argument[0] ? [argument[1], argument[3]] : [argument[3], argument[1]]
  if (Number(lower) >= Number(upper)) throw new InvalidPattern('Bottom must be less than top')
}

function checkCidr(argument: Json): void {
  if (typeof argument !== 'string') throw new InvalidPattern('Value of CIDR must be a string')
  const [network = '', bits = '', rest] = argument.split('/')
  const family = isIP(network)
  const longest = family === 6 ? 128 : 32
  if (family === 0 || rest !== undefined || !/^\d{1,3}$/.test(bits) || Number(bits) > longest) {
    throw new InvalidPattern("Malformed CIDR, one '/' required")
  }
}
