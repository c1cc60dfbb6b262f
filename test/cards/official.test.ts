import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Template } from 'adaptivecards-templating/lib/template-engine.js'
import { Ajv } from 'ajv'
import { describe, expect, test } from 'vitest'
import { PROJECT } from '../../sandbox/project.ts'
import { allCards } from './all-cards.ts'
import { nodesOf, nodesOfType } from './read-card.ts'

/** Every card against Microsoft's schema and parser and against our own rules. */

const SCHEMA = join(PROJECT, '../shared/data/adaptive-card-1.5.0.json')
const TEMPLATES = join(PROJECT, 'adaptive-cards')
const { AdaptiveCard, SerializationContext, Versions } = createRequire(import.meta.url)(
  'adaptivecards/dist/adaptivecards.js',
)

const cards = allCards()

function readJson(path: string) {
  return JSON.parse(readFileSync(path, 'utf8'))
}

/** Removes the property `msteams`, which the schema of the format does not have. */
function withoutTeams(card: object): object {
  const { msteams: _, ...rest } = Object.fromEntries(Object.entries(card))
  return rest
}

// Microsoft's schema file is not on npm and may not be published here, so it is used where it exists. The official parser below is used everywhere.
if (existsSync(SCHEMA)) {
  test('every card is valid by the official schema of 1.5', () => {
    const { id: _, ...schema } = readJson(SCHEMA)
    const ajv = new Ajv({ strict: false, validateFormats: false })
    ajv.addMetaSchema(createRequire(import.meta.url)('ajv/dist/refs/json-schema-draft-06.json'))
    const validate = ajv.compile(schema)
    const faults = cards.flatMap(({ name, card }) =>
      validate(withoutTeams(card)) ? [] : [name, validate.errors?.slice(0, 3)],
    )
    expect(faults).toEqual([])
  })
}

test('the official parser takes every card as it is', () => {
  for (const { name, card } of cards) {
    const context = new SerializationContext(Versions.v1_5)
    const parsed = new AdaptiveCard()
    parsed.parse(card, context)
    const events = Array.from({ length: context.eventCount }, (_, index) => context.getEventAt(index).message)
    const faults = parsed.validateProperties().validationEvents.map((event: { message: string }) => event.message)
    expect([name, ...events, ...faults]).toEqual([name])
  }
})

describe('every card', () => {
  test.each(cards)('reads well anywhere: $name', ({ card, summary }) => {
    expect(nodesOfType(card, 'TextBlock').filter(({ wrap }) => wrap !== true)).toEqual([])
    expect(nodesOfType(card, 'TextBlock').filter(({ style }) => style === 'heading').length).toBeGreaterThan(0)
    const inputs = nodesOf(card).filter(({ type }) => String(type).startsWith('Input.'))
    expect(inputs.filter(({ label, errorMessage }) => !label || !errorMessage)).toEqual([])
    expect(inputs.filter(({ type, maxLength }) => type === 'Input.Text' && typeof maxLength !== 'number')).toEqual([])
    expect(summary).not.toBe('')
    expect(card).toMatchObject({ version: '1.5', fallbackText: expect.any(String), speak: expect.any(String) })
    // A missing value would leave its placeholder or null.
    expect(JSON.stringify(card)).not.toMatch(/\$\{|:null/)
  })
})

test('each template has sample data beside it, and both together are a whole card', () => {
  const names = readdirSync(TEMPLATES).filter((name) => !name.endsWith('.data.json'))
  expect(names.sort()).toEqual(['access.json', 'form.json', 'help.json', 'notice.json', 'request.json'])
  for (const name of names) {
    const data = readJson(join(TEMPLATES, name.replace('.json', '.data.json')))
    const card: object = new Template(readJson(join(TEMPLATES, name))).expand({ $root: data })
    expect(cards.map((one) => one.card)).toContainEqual(card)
  }
})
