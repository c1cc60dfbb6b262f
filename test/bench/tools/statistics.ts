/** The middle value; for an even number the mean of the two middle values. */
export function median(values: readonly number[]): number {
  const sorted = sort(values)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? at(sorted, middle) : (at(sorted, middle - 1) + at(sorted, middle)) / 2
}

/** The smallest value that `percent` of all do not exceed (nearest rank). */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = sort(values)
  return at(sorted, Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1))
}

function sort(values: readonly number[]): readonly number[] {
  return [...values].sort((a, b) => a - b)
}

function at(sorted: readonly number[], position: number): number {
  const value = sorted[position]
  if (value === undefined) throw new Error('Nothing was measured.')
  return value
}
