/** @example iamTime(0) // "1970-01-01T00:00:00Z" */
export function iamTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}
