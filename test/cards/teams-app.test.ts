import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { PROJECT } from '../../sandbox/project.ts'

/** The app package that an administrator uploads to Teams. */

const FOLDER = join(PROJECT, 'teams-app')
const require = createRequire(import.meta.url)

const fields = z.object({
  manifestVersion: z.string(),
  icons: z.object({ color: z.string(), outline: z.string() }),
  bots: z.array(z.object({ scopes: z.array(z.string()) })),
})

function readManifest(): unknown {
  return JSON.parse(readFileSync(join(FOLDER, 'manifest.json'), 'utf8'))
}

/** From the file's header: width, height and whether it has transparency. */
function pngSize(name: string) {
  const png = readFileSync(join(FOLDER, name))
  expect(png.subarray(1, 4).toString()).toBe('PNG')
  return { width: png.readUInt32BE(16), height: png.readUInt32BE(20), isTransparent: png[25] === 6 }
}

test('the manifest is valid by the official schema of its version', () => {
  const manifest = readManifest()
  const { manifestVersion } = fields.parse(manifest)
  const build = join(PROJECT, 'node_modules/@microsoft/app-manifest/build')
  const schema = JSON.parse(
    readFileSync(join(build, `json-schemas/teams/v${manifestVersion}/MicrosoftTeams.schema.json`), 'utf8'),
  )
  const Ajv = require('ajv-draft-04')
  const ajv = new Ajv({ strict: false })
  require('ajv-formats')(ajv)
  const validate = ajv.compile(schema)
  expect([validate(manifest), validate.errors]).toEqual([true, null])
})

test('its icons have the sizes that Teams asks for', () => {
  const { icons } = fields.parse(readManifest())
  expect(pngSize(icons.color)).toMatchObject({ width: 192, height: 192 })
  expect(pngSize(icons.outline)).toEqual({ width: 32, height: 32, isTransparent: true })
})

test('people can ask in a personal chat, in a channel and in a group chat', () => {
  const [bot] = fields.parse(readManifest()).bots
  expect(bot?.scopes).toEqual(['personal', 'team', 'groupChat'])
})
