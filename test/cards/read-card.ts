/** Reads a card without the code that made it. */

type Json = Readonly<Record<string, unknown>>

export function nodesOf(value: unknown): readonly Json[] {
  if (Array.isArray(value)) return value.flatMap(nodesOf)
  if (typeof value !== 'object' || value === null) return []
  const node = Object.fromEntries(Object.entries(value))
  return [node, ...Object.values(node).flatMap(nodesOf)]
}

export function nodesOfType(card: object, ...types: readonly string[]): readonly Json[] {
  return nodesOf(card).filter(({ type }) => typeof type === 'string' && types.includes(type))
}

/** The verbs of the buttons in order; `open` for a link. The refresh action is no button. */
export function buttonsOf(card: object): readonly string[] {
  const { refresh: _, ...rest } = Object.fromEntries(Object.entries(card))
  return nodesOfType(rest, 'Action.Execute', 'Action.OpenUrl').map(({ type, verb }) =>
    type === 'Action.OpenUrl' ? 'open' : String(verb),
  )
}

/** The text of each RichTextBlock, its runs joined. */
export function textsOn(card: object): readonly string[] {
  return nodesOfType(card, 'RichTextBlock').map((block) =>
    nodesOfType(block, 'TextRun')
      .map(({ text }) => text)
      .join(''),
  )
}

/** The texts that a client reads as markdown or as a card function. */
export function markdownOn(card: object): readonly string[] {
  return nodesOfType(card, 'TextBlock').map(({ text }) => String(text))
}
