export interface PrivateRedis {
  /** The path of its socket: what REDIS_URL, ioredis and BullMQ take. */
  readonly url: string
  readonly socket: string
  readonly dir: string
  /** Of the server that runs now; another one after `restart`. */
  readonly pid: number
  stop(): Promise<void>
  /** As a crash would end it; the folder stays for `restart`. */
  kill9(): Promise<void>
  /** Brings it back, running or not, on the same folder and socket. */
  restart(): Promise<void>
}

export function findRedis(): Promise<{
  readonly program: string
  readonly environment: Readonly<Record<string, string>>
}>

export function startRedis(options?: { readonly durability?: 'always' | 'everysec' }): Promise<PrivateRedis>
