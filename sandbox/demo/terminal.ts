import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { World } from '../../test/fixtures/world.ts'
import { PEOPLE, type PersonName } from '../entra/fixture.ts'
import { compiled } from '../project.ts'

const SDK_COPY = compiled('sandbox/sdk-copy.js')
const CLI = compiled('src/cli.js')

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** One person's terminal: a home folder of their own and the commands `latchkey` and `aws`. */
export interface Terminal {
  readonly environment: NodeJS.ProcessEnv
  /** Signs in through the sandbox's sign-in page. */
  login(): Promise<void>
  latchkey(...words: readonly string[]): Promise<Ran>
  /** Writes an AWS profile whose credentials come from `latchkey credentials <grantId>`. */
  addProfile(name: string, grantId: string): Promise<void>
  /** Vends once and stores the credentials in a profile, to try them after the grant has ended. */
  keepCredentials(name: string, grantId: string): Promise<void>
  aws(...words: readonly string[]): Promise<Ran>
  /** Copies with the SDK, where there is no AWS CLI. */
  sdkCopy(file: string, uri: string, profile: string): Promise<Ran>
}

export async function openTerminal(world: World, person: PersonName, folder: string): Promise<Terminal> {
  const home = join(folder, person)
  await mkdir(join(home, '.aws'), { recursive: true })
  const environment = {
    PATH: `${await makeCommand(home)}:${process.env.PATH}`,
    HOME: home,
    XDG_CONFIG_HOME: join(home, '.config'),
    NODE_EXTRA_CA_CERTS: process.env.NODE_EXTRA_CA_CERTS,
    LATCHKEY_URL: world.web.url,
    AWS_ENDPOINT_URL: world.aws.url,
    AWS_REGION: 'eu-west-1',
    // Read by AWS CLI 1.
    AWS_DEFAULT_REGION: 'eu-west-1',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_MAX_ATTEMPTS: '1',
  }
  const run = (command: string, words: readonly string[]) =>
    finished(spawn(command, words, { env: environment, cwd: home }))
  const latchkey = (...words: readonly string[]) => run(process.execPath, [CLI, ...words])
  return {
    environment,
    login: () => login(world, PEOPLE[person], environment),
    latchkey,
    addProfile: (name, grantId) =>
      writeFile(
        join(home, '.aws', 'config'),
        `[profile ${name}]\nregion = eu-west-1\ncredential_process = latchkey credentials ${grantId}\n`,
      ),
    async keepCredentials(name, grantId) {
      const vended = await latchkey('credentials', grantId)
      if (vended.code !== 0) throw new Error(`latchkey credentials ended with ${vended.code}: ${vended.stderr}`)
      const { AccessKeyId, SecretAccessKey, SessionToken } = JSON.parse(vended.stdout)
      const lines = [`aws_access_key_id = ${AccessKeyId}`, `aws_secret_access_key = ${SecretAccessKey}`]
      const text = [`[${name}]`, ...lines, `aws_session_token = ${SessionToken}`, ''].join('\n')
      await writeFile(join(home, '.aws', 'credentials'), text, { mode: 0o600 })
    },
    aws: (...words) => run('aws', words),
    sdkCopy: (file, uri, profile) =>
      finished(
        spawn(process.execPath, [SDK_COPY, file, uri], { env: { ...environment, AWS_PROFILE: profile }, cwd: home }),
      ),
  }
}

/** Makes the `latchkey` command. @returns the folder for the PATH */
async function makeCommand(home: string): Promise<string> {
  const bin = join(home, 'bin')
  await mkdir(bin, { recursive: true })
  await writeFile(join(bin, 'latchkey'), `#!/bin/sh\nexec '${process.execPath}' '${CLI}' "$@"\n`, { mode: 0o755 })
  return bin
}

/** Writes a file that a shell reads to act as that person. @returns the line to type */
export async function writeTerminal(world: World, person: PersonName, folder: string): Promise<string> {
  const { environment } = await openTerminal(world, person, folder)
  return await writeShell(folder, person, environment)
}

/** Writes the same for the operator. */
export async function writeOperatorTerminal(world: World, folder: string): Promise<string> {
  const HOME = join(folder, 'operator')
  await makeCommand(HOME)
  const { accessKeyId, secretAccessKey } = world.seeded.keys.workers
  // `latchkey recover` needs the credentials of the workers.
  const workers = { WORKERS_AWS_ACCESS_KEY_ID: accessKeyId, WORKERS_AWS_SECRET_ACCESS_KEY: secretAccessKey }
  return await writeShell(folder, 'operator', { ...world.operatorEnvironment, ...workers, HOME })
}

/** Variables that could lead a shell to a real AWS account. */
const REAL_AWS = [
  ...['AWS_PROFILE', 'AWS_DEFAULT_PROFILE', 'AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE'],
  ...['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_SECURITY_TOKEN'],
  ...['AWS_ROLE_ARN', 'AWS_WEB_IDENTITY_TOKEN_FILE'],
]

async function writeShell(folder: string, name: string, environment: NodeJS.ProcessEnv): Promise<string> {
  const path = join(folder, `${name}.sh`)
  const { PATH: _, ...own } = environment
  const values = Object.entries(own).map(([key, value = '']) => `export ${key}=${quoted(value)}`)
  const command = `export PATH=${quoted(join(folder, name, 'bin'))}:"$PATH"`
  await writeFile(path, [`unset ${REAL_AWS.join(' ')}`, ...values, command, ''].join('\n'), { mode: 0o600 })
  return `. ${quoted(path)}`
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

async function login(world: World, personId: string, environment: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(process.execPath, [CLI, 'login', '--no-browser'], { env: environment })
  const ended = finished(child)
  try {
    const redirect = await world.entra.signIn(personId, await linkOf(child))
    await (await fetch(redirect)).text()
  } catch (error) {
    child.kill()
    throw error
  }
  const { code, stderr } = await ended
  if (code !== 0) throw new Error(`latchkey login ended with ${code}: ${stderr}`)
}

function linkOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.stderr?.on('data', (chunk) => {
      text += String(chunk)
      const link = /https:\/\/\S+(?=\s)/.exec(text)?.[0]
      if (link) resolve(link)
    })
    child.once('close', () => reject(new Error(`latchkey login printed no link: ${text}`)))
  })
}

/** A command that does not exist ends with 127, as in a shell. */
async function finished(child: ChildProcess): Promise<Ran> {
  const out: string[] = []
  const err: string[] = []
  child.stdout?.on('data', (chunk) => out.push(String(chunk)))
  child.stderr?.on('data', (chunk) => err.push(String(chunk)))
  const missing = once(child, 'error').then(([error]) => ({ code: 127, stdout: '', stderr: String(error) }))
  const ended = once(child, 'close').then(([code]) => ({ code, stdout: out.join(''), stderr: err.join('') }))
  return Promise.race([ended, missing])
}
