import { randomUUID } from 'node:crypto'
import { chmod, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { Problem } from './problem.ts'

/** The file with the sign-in of one person at one Latchkey. Only that person can read it. */
const signIn = z.strictObject({
  url: z.string(),
  openIdConnectUrl: z.url(),
  clientId: z.string(),
  scope: z.string(),
  mfaContext: z.string().optional(),
  accessToken: z.string(),
  refreshToken: z.string().optional(),
  /** ms since 1970. */
  expiresAt: z.number(),
})

export type SignIn = z.infer<typeof signIn>

/** A refresh takes far less, so an older lock belongs to a process that died. */
const LOCK_STALE_MS = 20_000
const LOCK_POLL_MS = 50

/** The XDG Base Directory Specification says that a relative XDG_CONFIG_HOME must be ignored. */
function folder(): string {
  const given = process.env.XDG_CONFIG_HOME ?? ''
  return join(isAbsolute(given) ? given : join(homedir(), '.config'), 'latchkey')
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

async function privateFolder(): Promise<string> {
  const path = folder()
  await mkdir(path, { recursive: true, mode: 0o700 })
  await chmod(path, 0o700)
  return path
}

/** Undefined: nobody is signed in at this Latchkey. */
export async function readSignIn(url: string): Promise<SignIn | undefined> {
  const stored = await readFromFile()
  return stored?.url === url ? stored : undefined
}

/** The URL of the Latchkey that the person signed in to. Undefined: nobody is signed in on this machine. */
export async function signedInAt(): Promise<string | undefined> {
  return (await readFromFile())?.url
}

async function readFromFile(): Promise<SignIn | undefined> {
  let text: string
  try {
    text = await readFile(join(folder(), 'sign-in.json'), 'utf8')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
  const parsed = z.string().transform(parseJson).pipe(signIn).safeParse(text)
  return parsed.data
}

function parseJson(text: string, context: z.RefinementCtx): unknown {
  try {
    return JSON.parse(text)
  } catch {
    context.addIssue({ code: 'custom', message: 'not JSON' })
    return undefined
  }
}

/** Writes a new file and renames it, so that a reader sees the old sign-in or the new one, never half of one. */
export async function writeSignIn(next: SignIn): Promise<void> {
  const path = await privateFolder()
  const draft = join(path, `sign-in.${randomUUID()}`)
  await writeFile(draft, JSON.stringify(next), { mode: 0o600, flag: 'wx' })
  await rename(draft, join(path, 'sign-in.json'))
}

export async function forgetSignIn(): Promise<void> {
  await rm(join(folder(), 'sign-in.json'), { force: true })
}

/**
 * Runs `work` in one process at a time. AWS SDKs start `credential_process` in parallel, and Entra may treat a refresh
 * token that is used twice as stolen.
 * @throws Problem when another process holds the lock too long
 */
export async function withLock<T>(work: () => Promise<T>): Promise<T> {
  const lock = join(await privateFolder(), 'refresh.lock')
  const token = randomUUID()
  const until = Date.now() + 2 * LOCK_STALE_MS
  while (!(await takeLock(lock, token))) {
    if (Date.now() > until) throw new Problem(`Another latchkey command holds ${lock}. Remove it and try again.`)
    await delay(LOCK_POLL_MS)
  }
  try {
    return await work()
  } finally {
    // Another process may have replaced this lock as stale. Its lock must not be removed.
    if ((await readLock(lock)) === token) await rm(lock, { force: true })
  }
}

async function readLock(lock: string): Promise<string | undefined> {
  try {
    return await readFile(lock, 'utf8')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

async function takeLock(lock: string, token: string): Promise<boolean> {
  try {
    await writeFile(lock, token, { mode: 0o600, flag: 'wx' })
    return true
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
  try {
    const { mtimeMs } = await stat(lock)
    if (Date.now() - mtimeMs > LOCK_STALE_MS) await rm(lock, { force: true })
  } catch (error) {
    if (!isMissing(error)) throw error
  }
  return false
}
