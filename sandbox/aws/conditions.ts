import { BlockList, isIP } from 'node:net'
import { matchesArn, matchesText, type Reading } from './pattern.ts'
import type { Condition } from './policy.ts'

/** Condition operators (IAM User Guide, "IAM JSON policy elements: Condition operators"). */

type Test = (value: string, wanted: string, reading: Reading) => boolean

const TESTS: Readonly<Record<string, Test>> = {
  StringEquals: (value, wanted, reading) => matchesText(wanted, value, reading, { wildcards: false }),
  StringEqualsIgnoreCase: (value, wanted, reading) =>
    matchesText(wanted, value, reading, { wildcards: false, ignoreCase: true }),
  StringLike: (value, wanted, reading) => matchesText(wanted, value, reading),
  // ArnEquals and ArnLike behave identically (IAM User Guide).
  ArnEquals: (value, wanted, reading) => matchesArn(wanted, value, reading),
  ArnLike: (value, wanted, reading) => matchesArn(wanted, value, reading),
  NumericEquals: compare(Number, (a, b) => a === b),
  NumericLessThan: compare(Number, (a, b) => a < b),
  NumericLessThanEquals: compare(Number, (a, b) => a <= b),
  NumericGreaterThan: compare(Number, (a, b) => a > b),
  NumericGreaterThanEquals: compare(Number, (a, b) => a >= b),
  DateEquals: compare(instant, (a, b) => a === b),
  DateLessThan: compare(instant, (a, b) => a < b),
  DateLessThanEquals: compare(instant, (a, b) => a <= b),
  DateGreaterThan: compare(instant, (a, b) => a > b),
  DateGreaterThanEquals: compare(instant, (a, b) => a >= b),
  Bool: (value, wanted) => value.toLowerCase() === wanted.toLowerCase(),
  BinaryEquals: (value, wanted) => value === wanted,
  IpAddress: (value, wanted) => inRange(value, wanted),
}

export function conditionHolds(condition: Condition, reading: Reading): boolean {
  const values = reading.facts.get(condition.key.toLowerCase()) ?? []
  if (condition.operator === 'Null') {
    const wantsMissing = condition.values.some((wanted) => wanted.toLowerCase() === 'true')
    return wantsMissing === (values.length === 0)
  }
  const { set, base, negated, ifExists } = readOperator(condition.operator)
  const test = TESTS[base]
  if (test === undefined) return false
  if (values.length === 0) return ifExists || set === 'ForAllValues' || (negated && set === undefined)
  const meets = (value: string) => condition.values.some((wanted) => test(value, wanted, reading)) !== negated
  // Without a set operator a negated condition must hold for every value; a plain condition must hold for one.
  return set === 'ForAllValues' || (set === undefined && negated) ? values.every(meets) : values.some(meets)
}

function readOperator(operator: string) {
  const [, set, rest = ''] = /^(?:(ForAllValues|ForAnyValue):)?(.*)$/.exec(operator) ?? []
  const ifExists = rest.endsWith('IfExists')
  const plain = ifExists ? rest.slice(0, -'IfExists'.length) : rest
  const base = plain.replace('Not', '')
  return { set, base, negated: base !== plain, ifExists }
}

function compare(read: (text: string) => number, holds: (a: number, b: number) => boolean): Test {
  return (value, wanted) => {
    const [a, b] = [read(value), read(wanted)]
    return !Number.isNaN(a) && !Number.isNaN(b) && holds(a, b)
  }
}

/** Reads ISO 8601 or seconds since 1970. */
function instant(text: string): number {
  return /^\d+(\.\d+)?$/.test(text) && text.length > 4 ? Number(text) * 1000 : Date.parse(text)
}

function inRange(address: string, range: string): boolean {
  const [network = '', bits] = range.split('/')
  const family = isIP(network) === 6 ? 'ipv6' : 'ipv4'
  if (isIP(network) === 0 || isIP(address) === 0) return false
  const list = new BlockList()
  list.addSubnet(network, bits === undefined ? (family === 'ipv6' ? 128 : 32) : Number(bits), family)
  return list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}
