import { z } from 'zod'

/** What a Teams client does with an Adaptive Card: finds buttons, reads inputs and decides when to refresh. */

export type Card = Readonly<Record<string, unknown>>
export type Inputs = Readonly<Record<string, string>>

export const cardSchema = z.looseObject({ type: z.literal('AdaptiveCard') })

/** A longer list is cut ("Universal actions"). Without a list everyone refreshes in conversations of at most this many members. */
const MOST_REFRESHING = 60

const actionSchema = z.looseObject({
  type: z.enum(['Action.Execute', 'Action.Submit']),
  id: z.string().optional(),
  title: z.string().optional(),
  verb: z.string().optional(),
  data: z.record(z.string(), z.unknown()).optional(),
  associatedInputs: z.string().optional(),
})
export type CardAction = z.output<typeof actionSchema>

const inputSchema = z.looseObject({
  type: z.string().startsWith('Input.'),
  id: z.string(),
  value: z.union([z.string(), z.number(), z.boolean()]).optional(),
  valueOff: z.string().optional(),
  isRequired: z.boolean().optional(),
  maxLength: z.number().optional(),
  min: z.union([z.string(), z.number()]).optional(),
  max: z.union([z.string(), z.number()]).optional(),
  regex: z.string().optional(),
  isMultiSelect: z.boolean().optional(),
  choices: z.array(z.looseObject({ title: z.string(), value: z.string() })).optional(),
  'choices.data': z.unknown().optional(),
})
type Input = z.output<typeof inputSchema>

const refreshSchema = z.looseObject({
  refresh: z.looseObject({ action: actionSchema, userIds: z.array(z.string()).optional() }),
})

export interface Button {
  readonly action: CardAction
  /** The inputs of its card and of the enclosing cards. */
  readonly inputs: readonly Input[]
}

function buttonsOf(card: Card): readonly Button[] {
  return within(card, [])
}

/** The text that a reader sees, line by line, for tests and journals. */
export function textOf(card: Card): string {
  const lines: string[] = []
  for (const node of nodes(card)) {
    for (const key of ['text', 'title', 'value', 'label']) {
      const value = node[key]
      if (typeof value === 'string' && value !== '') lines.push(value)
    }
  }
  return lines.join('\n')
}

/** The refresh action of this person's client; undefined when the card asks for none. */
export function refreshActionFor(card: Card, personId: string, members: number): CardAction | undefined {
  const refresh = refreshSchema.safeParse(card).data?.refresh
  if (refresh === undefined) return undefined
  const listed = refresh.userIds?.slice(0, MOST_REFRESHING).includes(personId) ?? members <= MOST_REFRESHING
  return listed ? refresh.action : undefined
}

/** Finds a button by its verb or its title. */
export function findButton(card: Card, verbOrTitle: string): Button {
  const buttons = buttonsOf(card)
  const found =
    buttons.find(({ action }) => action.verb === verbOrTitle) ??
    buttons.find(({ action }) => action.title === verbOrTitle)
  if (found !== undefined) return found
  const offered = buttons.map(({ action }) => action.title ?? action.verb ?? action.type)
  throw new Error(`The card has no button ${verbOrTitle}; it has ${offered.join(', ') || 'none'}.`)
}

export type Gathered =
  | { readonly valid: true; readonly values: Inputs }
  | { readonly valid: false; readonly ids: readonly string[] }

/** Reads inputs as the official renderer does: leaves out empty inputs and sends nothing when an input breaks the card's own rules. */
export function gatherInputs({ action, inputs }: Button, typed: Inputs): Gathered {
  const stranger = Object.keys(typed).find((id) => !inputs.some((input) => input.id === id))
  if (stranger !== undefined) throw new Error(`The card has no input ${stranger} for this button.`)
  if (action.associatedInputs?.toLowerCase() === 'none') return { valid: true, values: {} }
  const filled = inputs.map((input) => ({ input, value: typed[input.id] ?? initialValue(input) }))
  const wrong = filled.filter(({ input, value }) => !fits(input, value))
  if (wrong.length > 0) return { valid: false, ids: wrong.map(({ input }) => input.id) }
  const set = filled.filter(({ value }) => value !== '')
  return { valid: true, values: Object.fromEntries(set.map(({ input, value }) => [input.id, value])) }
}

function initialValue(input: Input): string {
  if (input.value !== undefined) return String(input.value)
  return input.type === 'Input.Toggle' ? (input.valueOff ?? 'false') : ''
}

function fits(input: Input, value: string): boolean {
  if (value === '') return input.isRequired !== true
  if (input.maxLength !== undefined && value.length > input.maxLength) return false
  if (input.regex !== undefined && !new RegExp(input.regex).test(value)) return false
  if (input.type === 'Input.Number') {
    const number = Number(value)
    return !Number.isNaN(number) && number >= Number(input.min ?? number) && number <= Number(input.max ?? number)
  }
  if (input.type === 'Input.ChoiceSet' && input['choices.data'] === undefined) {
    const chosen = input.isMultiSelect === true ? value.split(',') : [value]
    return chosen.every((one) => input.choices?.some((choice) => choice.value === one))
  }
  return true
}

function within(card: unknown, around: readonly Input[]): readonly Button[] {
  const own = [...ownNodes(card)]
  const inputs = [...around, ...own.flatMap((node) => inputSchema.safeParse(node).data ?? [])]
  return own.flatMap((node) => {
    if (node.type === 'Action.ShowCard') return within(node.card, inputs)
    const action = actionSchema.safeParse(node).data
    return action === undefined ? [] : [{ action, inputs }]
  })
}

/** The nodes of this card, without the cards that its buttons open and without its refresh action. */
function* ownNodes(value: unknown): Generator<Record<string, unknown>> {
  if (Array.isArray(value)) for (const item of value) yield* ownNodes(item)
  if (!isObject(value)) return
  yield value
  if (value.type === 'Action.ShowCard') return
  for (const [key, child] of Object.entries(value)) {
    if (key !== 'refresh' && key !== 'data') yield* ownNodes(child)
  }
}

function* nodes(value: unknown): Generator<Record<string, unknown>> {
  if (Array.isArray(value)) for (const item of value) yield* nodes(item)
  if (!isObject(value)) return
  yield value
  for (const [key, child] of Object.entries(value)) if (key !== 'refresh' && key !== 'data') yield* nodes(child)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
