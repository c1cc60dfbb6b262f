import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
// Not the package's own door: its types lead into TypeScript sources of another package, which no strict build accepts.
import { Template } from 'adaptivecards-templating/lib/template-engine.js'
import { z } from 'zod'

const card = z.looseObject({ type: z.literal('AdaptiveCard') })

/**
 * Reads and compiles `adaptive-cards/<name>.json` once; what comes back fills it in. `${…}` in a template is evaluated, in data never.
 * Every value of the data must be there: for one that is missing the package writes its own name.
 */
export function compileTemplate(name: 'access' | 'form' | 'help' | 'notice' | 'request'): (data: object) => object {
  const path = join(packageRoot(import.meta.dirname), 'adaptive-cards', `${name}.json`)
  const template = new Template(JSON.parse(readFileSync(path, 'utf8')))
  return (data) => card.parse(template.expand({ $root: data }))
}

/** Templates are not compiled: the sources and `dist/` both read them from the package's root. */
function packageRoot(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder
  const parent = dirname(folder)
  if (parent === folder) throw new Error('The package is incomplete: no package.json above the code. Install it again.')
  return packageRoot(parent)
}
