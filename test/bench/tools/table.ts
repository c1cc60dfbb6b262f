import type { Row } from '../bench.ts'

const HEAD = ['name', 'value', 'goal', 'meets', 'detail'] as const

/** Columns are as wide as their longest text; the last is not padded. */
export function formatTable(rows: readonly Row[]): string {
  const lines = [HEAD, ...rows.map(cells)]
  const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  return lines.map((line) => formatLine(line, widths)).join('\n')
}

function cells({ name, value, goal, meets, detail }: Row): readonly string[] {
  return [name, formatNumber(value), goal, meets ? 'yes' : 'no', detail]
}

function formatLine(line: readonly string[], widths: readonly number[]): string {
  return line
    .map((text, column) => text.padEnd(widths[column] ?? 0))
    .join('  ')
    .trimEnd()
}

/** Three significant digits, the precision of such a measurement. A count is whole. */
export function formatNumber(value: number): string {
  return Number.isInteger(value) ? String(value) : value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}
