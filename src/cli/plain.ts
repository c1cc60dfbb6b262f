/** As long as the longest reason, and no control character: some of it was written by somebody else, and a terminal obeys it. */
export function plain(text: string): string {
  return text.replace(/\p{C}/gu, ' ').slice(0, 1_000)
}
