import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The nearest folder with a package.json. Files that are not compiled are read from there, by `src/` and by `dist/`. */
export const PACKAGE_ROOT = findRoot(import.meta.dirname)

function findRoot(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder
  const parent = dirname(folder)
  if (parent === folder) throw new Error('The package is incomplete: no package.json above the code. Install it again.')
  return findRoot(parent)
}
