import { readFileSync } from 'node:fs'
import { join } from 'node:path'
// Not the package's main export: its types import TypeScript sources that do not compile under `strict`.
import { Template } from 'adaptivecards-templating/lib/template-engine.js'
import { z } from 'zod'
import { PACKAGE_ROOT } from '../package-root.ts'

const card = z.looseObject({ type: z.literal('AdaptiveCard') })

/**
 * Reads and compiles `adaptive-cards/<name>.json` once, and returns the function that fills it in. `${…}` is evaluated
 * in the template, never in the data. The data must hold every value: for a missing one the package puts the name of
 * the value on the card.
 */
export function compileTemplate(name: 'access' | 'form' | 'help' | 'notice' | 'request'): (data: object) => object {
  const path = join(PACKAGE_ROOT, 'adaptive-cards', `${name}.json`)
  const template = new Template(JSON.parse(readFileSync(path, 'utf8')))
  return (data) => card.parse(template.expand({ $root: data }))
}
