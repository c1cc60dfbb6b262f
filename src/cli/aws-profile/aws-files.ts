import { randomUUID } from 'node:crypto'
import { chmod, mkdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { Problem } from '../problem.ts'
import { isMissing, withLock } from '../token-file.ts'
import { hasProfile, profilesIn } from './aws-config.ts'

/**
 * Reads and writes the files of the AWS CLI and SDKs. Their paths come from the variables of AWS, or are those in the
 * home folder.
 */

/** Only the owner may read a new file. The AWS CLI makes it with the same mode. */
const NEW_FILE_MODE = 0o600

export function configPath(): string {
  return pathOf('AWS_CONFIG_FILE', 'config')
}

function pathOf(variable: string, name: string): string {
  const given = process.env[variable] ?? ''
  return given === '' ? join(homedir(), '.aws', name) : given.replace(/^~(?=[/\\])/, homedir())
}

/**
 * AWS tools prefer static keys to a `credential_process` ("Credentials and configuration settings", AWS SDKs and Tools
 * Reference Guide).
 * @throws Problem when the credentials file has a profile of this name
 */
export async function refuseShadowed(name: string): Promise<void> {
  const path = pathOf('AWS_SHARED_CREDENTIALS_FILE', 'credentials')
  if (!hasProfile((await readText(path)) ?? '', name)) return
  throw new Problem(
    `There is a profile ${name} in ${path}: AWS's tools would use its keys, not those of the grant. Choose another name with --name.`,
  )
}

export async function readProfiles(): Promise<ReturnType<typeof profilesIn>> {
  return profilesIn((await readText(configPath())) ?? '')
}

/** Reads one character for each byte (latin1), because other people's lines may be in any encoding. */
async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'latin1')
  } catch (error) {
    if (!isMissing(error)) throw error
    return undefined
  }
}

/**
 * Writes a new file and renames it over the old one, with the old one's mode.
 * @returns Names of the profiles of Latchkey that were removed
 */
export async function editConfig(change: (text: string) => string): Promise<readonly string[]> {
  return await withLock(async () => {
    const path = configPath()
    const text = await readText(path)
    const next = change(text ?? '')
    if (next !== (text ?? '')) await (text === undefined ? create(path, next) : replace(path, next))
    const remaining = profilesIn(next).map(({ name }) => name)
    return profilesIn(text ?? '').flatMap(({ name }) => (remaining.includes(name) ? [] : [name]))
  })
}

async function create(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await write(path, text, NEW_FILE_MODE)
}

/** Replaces the file behind a symbolic link, so that the link itself stays. */
async function replace(given: string, text: string): Promise<void> {
  const path = await realpath(given)
  const { mode } = await stat(path)
  await write(path, text, mode & 0o777)
}

async function write(path: string, text: string, mode: number): Promise<void> {
  const draft = `${path}.${randomUUID()}`
  try {
    await writeFile(draft, text, { encoding: 'latin1', mode: NEW_FILE_MODE, flag: 'wx' })
    await chmod(draft, mode)
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}
