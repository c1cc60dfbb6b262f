import { readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { rulesSchema } from '../../../../src/rules/file/rules-schema.ts'

const FILE = new URL('../../../../latchkey.schema.json', import.meta.url)

/** Editors read the schema beside the rules file. `WRITE_SCHEMA=1 npx vitest run test/unit/rules/file/schema-file.test.ts` writes it. */
test('latchkey.schema.json says what the rules file is checked by', () => {
  const schema = z.toJSONSchema(rulesSchema, { io: 'input' })
  if (process.env.WRITE_SCHEMA === '1') writeFileSync(FILE, `${JSON.stringify(schema, undefined, 2)}\n`)
  expect(JSON.parse(readFileSync(FILE, 'utf8'))).toEqual(JSON.parse(JSON.stringify(schema)))
})
