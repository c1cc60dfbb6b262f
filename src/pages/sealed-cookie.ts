import { hkdfSync } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { sealData, unsealData } from 'iron-session'
import type { z } from 'zod'

/** An encrypted and authenticated cookie: only Latchkey can read it, write it and set its end. */
export interface SealedCookie<T> {
  /** Undefined: there is no cookie, or it has expired, or Latchkey did not seal it. */
  read(request: FastifyRequest): Promise<T | undefined>
  write(reply: FastifyReply, value: T): Promise<void>
  clear(reply: FastifyReply): void
}

interface Options<T> {
  /** Also goes into the key, so that the content of one cookie is not valid in another. */
  readonly name: string
  readonly schema: z.ZodType<T>
  readonly lifetimeSeconds: number
  /** `LATCHKEY_SECRET`: the first one seals, all of them open. */
  readonly secrets: readonly string[]
  readonly publicUrl: string
}

/**
 * iron-session accepts a seal for a minute after its end, for clocks that differ. Here one clock does both, so the
 * minute is subtracted.
 */
const SKEW_SECONDS = 60
const MOST_CHARACTERS = 4_000

export function sealedCookie<T>({ name, schema, lifetimeSeconds, secrets, publicUrl }: Options<T>): SealedCookie<T> {
  const isSecure = publicUrl.startsWith('https:')
  // Browsers accept a `__Host-` cookie only over TLS and from this very host, so another host of the domain cannot set
  // it.
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

/**
 * Undefined: the text is no seal. For an expired seal, or one made with another key, iron-session gives `{}`, which the
 * cookie's schema refuses.
 */
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
