import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** The sandbox runs as it is written, in tests, and compiled, in the demo: both find the project from the folder that holds package.json. */
export const PROJECT = findProject(dirname(fileURLToPath(import.meta.url)))

function findProject(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : findProject(dirname(folder))
}

/** What only exists compiled. */
export function compiled(path: string): string {
  return join(PROJECT, 'dist', path)
}

type RedisModule = typeof import('../bootstrap/redis.mjs')

/** The bootstrap is plain JavaScript, because it runs before anything is compiled; so it is never in `dist/`. */
export async function startPrivateRedis(): ReturnType<RedisModule['startRedis']> {
  const { startRedis }: RedisModule = await import(pathToFileURL(join(PROJECT, 'bootstrap/redis.mjs')).href)
  return startRedis()
}
