/** What stands on a card, found without the code that put it there. */

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

/** Verbs of its buttons, as they stand; `open` is the link. The refresh is no button. */
export function buttonsOf(card: object): readonly string[] {
  const { refresh: _, ...rest } = Object.fromEntries(Object.entries(card))
  return nodesOfType(rest, 'Action.Execute', 'Action.OpenUrl').map(({ type, verb }) =>
    type === 'Action.OpenUrl' ? 'open' : String(verb),
  )
}

/** What each RichTextBlock says, its runs put together. */
export function saidOn(card: object): readonly string[] {
  return nodesOfType(card, 'RichTextBlock').map((block) =>
    nodesOfType(block, 'TextRun')
      .map(({ text }) => text)
      .join(''),
  )
}

/** What is read as markdown, or as one of a card's functions. */
export function markdownOn(card: object): readonly string[] {
  return nodesOfType(card, 'TextBlock').map(({ text }) => String(text))
}
