import type { z } from 'zod'
import type { askBody, extendBody, reviewBody } from '../../http/api-schemas.ts'
import { type FieldName, parseInput } from '../../http/parse-input.ts'
import { parseDuration } from '../../rules/duration.ts'
import { parseScope } from '../../rules/scope.ts'
import { plain } from '../plain.ts'

/** Fields of the API and their names on the command line. */
const WORDS: ReadonlyMap<PropertyKey | undefined, string> = new Map([
  ['levels', 'the list of levels'],
  ['scopes', 'the list of scopes'],
  ['duration', '`--for`'],
  ['reason', '`--because`'],
  ['ticket', '`--ticket`'],
  ['comment', '`--comment`'],
])

interface Typed extends Readonly<Record<string, unknown>> {
  readonly levels?: readonly string[]
  readonly scopes?: readonly string[]
  readonly duration?: string
}

/**
 * Checks the input before it is sent. Latchkey checks it too, but its sentences name fields of the API instead of
 * options of the command.
 * @throws BAD_INPUT
 */
export function checkTyped(schema: typeof askBody | typeof extendBody | typeof reviewBody, typed: Typed): void {
  const { levels = [], scopes = [], duration } = typed
  const fieldOf: FieldName = ([field, at]) =>
    field === 'levels' && typeof at === 'number'
      ? `the level \`${plain(levels[at] ?? '')}\``
      : (WORDS.get(field) ?? String(field))
  for (const scope of scopes) parseScope(scope)
  if (duration !== undefined) parseDuration(duration)
  parseInput<z.ZodType>(schema, typed, fieldOf)
}
