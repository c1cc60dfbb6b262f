import { hkdfSync } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { sealData, unsealData } from 'iron-session'
import type { z } from 'zod'

/** One cookie that only we can read, write and let expire: what is in it was put there by us, not long ago. */
export interface SealedCookie<T> {
  /** Undefined: there is none, or none of ours that still holds. */
  read(request: FastifyRequest): Promise<T | undefined>
  write(reply: FastifyReply, value: T): Promise<void>
  clear(reply: FastifyReply): void
}

interface Options<T> {
  /** Also what its keys are for: one cookie's content is never another's. */
  readonly name: string
  readonly schema: z.ZodType<T>
  readonly lifetimeSeconds: number
  /** `LATCHKEY_SECRET`: the first seals, every one still opens. */
  readonly secrets: readonly string[]
  readonly publicUrl: string
}

/** iron-session lets a seal live a minute longer than it was told, for clocks that differ: ours is one. */
const SKEW_SECONDS = 60
const MOST_CHARACTERS = 4_000

export function sealedCookie<T>({ name, schema, lifetimeSeconds, secrets, publicUrl }: Options<T>): SealedCookie<T> {
  const isSecure = publicUrl.startsWith('https:')
  // With this prefix a browser takes it from this host only, over TLS: no neighbour below the same domain can plant one.
  const fullName = isSecure ? `__Host-${name}` : name
  const keys = secrets.map((secret) => keyOf(secret, name))
  const [sealing] = keys
  if (sealing === undefined) throw new Error('There is no secret to seal cookies with.')
  const attributes = `Path=/; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`
  const set = (reply: FastifyReply, value: string, seconds: number) =>
    reply.header('set-cookie', `${fullName}=${value}; Max-Age=${seconds}; ${attributes}`)

  return {
    async read(request) {
      const seal = cookieOf(request.headers.cookie ?? '', fullName)
      if (seal === undefined || seal.length > MOST_CHARACTERS) return undefined
      for (const password of keys) {
        const parsed = schema.safeParse(await open(seal, password))
        if (parsed.success) return parsed.data
      }
      return undefined
    },
    async write(reply, value) {
      const ttl = Math.max(1, lifetimeSeconds - SKEW_SECONDS)
      set(reply, await sealData(value, { password: sealing, ttl }), lifetimeSeconds)
    },
    clear: (reply) => void set(reply, '', 0),
  }
}

function keyOf(secret: string, name: string): string {
  return Buffer.from(hkdfSync('sha256', secret, '', `latchkey cookie ${name}`, 32)).toString('hex')
}

/** iron-session answers `{}` to what is expired or of another key, and throws at what was never a seal: both open nothing. */
async function open(seal: string, password: string): Promise<unknown> {
  try {
    return await unsealData(seal, { password })
  } catch {
    return undefined
  }
}

function cookieOf(header: string, name: string): string | undefined {
  const pair = header.split(/; */).find((one) => one.startsWith(`${name}=`))
  return pair?.slice(name.length + 1)
}
