import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** The folder that holds package.json. Tests run the sandbox's sources, the demo runs it compiled; both find the project from there. */
export const PROJECT = findProject(dirname(fileURLToPath(import.meta.url)))

function findProject(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : findProject(dirname(folder))
}

/** Path of a file in `dist/`. */
export function compiled(path: string): string {
  return join(PROJECT, 'dist', path)
}

type RedisModule = typeof import('../bootstrap/redis.mjs')

/** Starts a Redis from bootstrap/, which is plain JavaScript and never in `dist/`, because it runs before anything is compiled. */
export async function startPrivateRedis(): ReturnType<RedisModule['startRedis']> {
  const { startRedis }: RedisModule = await import(pathToFileURL(join(PROJECT, 'bootstrap/redis.mjs')).href)
  return startRedis()
}
