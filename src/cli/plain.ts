/**
 * Untrusted text for a terminal: without control characters, which terminals obey, and at most as long as the longest
 * reason.
 */
export function plain(text: string): string {
  return text.replace(/\p{C}/gu, ' ').slice(0, 1_000)
}
