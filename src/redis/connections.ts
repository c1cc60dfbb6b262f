import { Cluster, Redis, type RedisOptions } from 'ioredis'
import type { Logger } from 'pino'
import { z } from 'zod'

export type Connection = Redis | Cluster
export type Purpose = 'worker' | 'request'

type Address =
  | { readonly kind: 'socket'; readonly path: string }
  | { readonly kind: 'server'; readonly url: string }
  | { readonly kind: 'cluster'; readonly nodes: readonly URL[] }

const FORMS =
  'redis://host:port, rediss://host:port, the path of a socket, or a comma-separated list of a cluster’s nodes'

/** ioredis gives up a request's command after this time. Redis may still execute it. */
export const COMMAND_TIMEOUT_MS = 2_000

const COMMON = {
  // Detects connections that a NAT or load balancer dropped silently. Longer than BullMQ's longest blocking read, 10 s.
  socketTimeout: 15_000,
  keepAlive: 10_000,
  // Shorter than BullMQ's own strategy, which waits up to 20 s after Redis is back.
  retryStrategy: (attempt: number) => Math.min(100 * attempt, 1_000) + Math.random() * 100,
} as const

const PURPOSES = {
  /**
   * BullMQ demands null: a command waits until Redis is back. There is no command time-out, because it would end
   * blocking reads.
   */
  worker: { ...COMMON, maxRetriesPerRequest: null },
  /** A person waits, so a command succeeds or fails within two seconds. */
  request: { ...COMMON, maxRetriesPerRequest: 1, enableOfflineQueue: false, commandTimeout: COMMAND_TIMEOUT_MS },
} as const satisfies Record<Purpose, RedisOptions>

export function parseAddress(text: string): Address {
  if (text.startsWith('/')) return { kind: 'socket', path: text }
  if (text.startsWith('unix:')) return { kind: 'socket', path: text.replace(/^unix:(\/\/)?/, '') }
  const nodes = text.split(',').map(parseNode)
  return nodes.length > 1 ? { kind: 'cluster', nodes } : { kind: 'server', url: text }
}

function parseNode(text: string): URL {
  const url = z.url({ protocol: /^rediss?$/, hostname: /./ }).safeParse(text.trim())
  // The message does not quote the address, because it may contain a password.
  if (!url.success) throw new Error(`This is not the address of a Redis. It has one of these forms: ${FORMS}.`)
  return new URL(url.data)
}

/**
 * Opens a client that reconnects by itself. It logs when Redis is lost and when it is back. It has an `error` listener,
 * so that an `error` event does not end the process.
 */
export function connect(url: string, purpose: Purpose, log: Logger): Connection {
  const redis = open(parseAddress(url), purpose)
  watch(redis, log.child({ purpose }))
  return redis
}

function open(address: Address, purpose: Purpose): Connection {
  const options = PURPOSES[purpose]
  switch (address.kind) {
    case 'socket':
      return new Redis({ ...options, path: address.path })
    case 'server':
      return new Redis(address.url, options)
    case 'cluster':
      return openCluster(address.nodes, purpose)
  }
}

function openCluster(nodes: readonly URL[], purpose: Purpose): Cluster {
  const secure = nodes.some((node) => node.protocol === 'rediss:')
  const [first] = nodes
  const redisOptions = {
    ...PURPOSES[purpose],
    ...(first?.username ? { username: decodeURIComponent(first.username) } : {}),
    ...(first?.password ? { password: decodeURIComponent(first.password) } : {}),
    ...(secure ? { tls: {} } : {}),
  }
  return new Cluster(
    nodes.map((node) => ({ host: node.hostname, port: Number(node.port || 6379) })),
    {
      redisOptions,
      enableOfflineQueue: purpose === 'worker',
      clusterRetryStrategy: COMMON.retryStrategy,
      // ElastiCache's certificates name hosts, not addresses (ioredis, "Special note: AWS ElastiCache clusters with
      // TLS").
      ...(secure ? { dnsLookup: (host: string, found: (e: null, host: string) => void) => found(null, host) } : {}),
    },
  )
}

function watch(redis: Connection, log: Logger): void {
  let lost = false
  function onLoss(reason: string) {
    if (lost) return
    lost = true
    log.warn({ reason }, 'Redis is not reachable')
  }
  // Only the message is logged, because the error of a refused AUTH contains the password.
  redis.on('error', (error: Error) => onLoss(error.message))
  redis.on('reconnecting', () => onLoss('the connection was closed'))
  redis.on('ready', () => {
    if (lost) log.info('Redis is reachable again')
    lost = false
  })
}

/** @returns false when the connection was not ready within that time */
export async function untilReady(redis: Connection, milliseconds: number): Promise<boolean> {
  if (redis.status === 'ready') return true
  return new Promise((resolve) => {
    const timer = setTimeout(finish, milliseconds, false)
    redis.once('ready', onReady)
    function onReady() {
      finish(true)
    }
    function finish(ready: boolean) {
      clearTimeout(timer)
      redis.off('ready', onReady)
      resolve(ready)
    }
  })
}

/**
 * All nodes that take writes. INFO and CONFIG must be sent to each, because a cluster sends a command without key to
 * any node.
 */
export function masters(redis: Connection): readonly Redis[] {
  return redis instanceof Cluster ? redis.nodes('master') : [redis]
}
