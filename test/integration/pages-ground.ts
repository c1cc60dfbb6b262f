import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import type { AccessRequest } from '../../src/access-requests/access-request.ts'
import { entraSignIn } from '../../src/entra/sign-in.ts'
import { httpMetrics } from '../../src/http/metrics.ts'
import { httpServer } from '../../src/http/server.ts'
import { pages } from '../../src/pages/pages.ts'
import type { PagesNeeds } from '../../src/pages/room.ts'
import { redisDigests } from '../../src/redis/digests.ts'
import { PEOPLE, type PersonName } from '../sandbox/entra/fixture.ts'
import { type Office, openOffice } from './invariant-ground.ts'

export const PUBLIC_URL = 'https://latchkey.harbour.example'
export const SECRETS = ['5e'.repeat(32)] as const

/** A browser as far as these pages need one: it keeps cookies, follows nothing by itself, and names where a form was sent from. */
export interface BrowserTab {
  get(path: string): Promise<LightMyRequestResponse>
  post(path: string, form: Readonly<Record<string, string>>, headers?: Headers): Promise<LightMyRequestResponse>
  /** Follows the link to Entra, picks the person, and returns the path that Entra leads back to. */
  throughEntra(link: string, person: PersonName): Promise<string>
  /** Opens a request's page as somebody: the page itself. */
  signedIn(person: PersonName, requestId: string): Promise<LightMyRequestResponse>
  readonly cookies: Map<string, string>
}

type Headers = Readonly<Record<string, string | undefined>>

export interface Front {
  readonly office: Office
  /** However many were asked before: what one person may ask for in an hour is another test's. */
  ask(person?: PersonName, scope?: string): Promise<AccessRequest>
  readonly app: FastifyInstance
  tab(app?: FastifyInstance): BrowserTab
  /** The same pages with something else: other secrets, another address. */
  open(changes?: Partial<PagesNeeds>): Promise<FastifyInstance>
  refused(): Promise<number>
  close(): Promise<void>
}

export async function openFront(name: string): Promise<Front> {
  const office = await openOffice(name)
  const redis = await office.ground.open('request')
  const digests = redisDigests(redis, { prefix: office.ground.prefix })
  const metrics = httpMetrics()
  const opened: FastifyInstance[] = []

  async function open(changes: Partial<PagesNeeds> = {}): Promise<FastifyInstance> {
    const { entra, ground, needs } = office
    const publicUrl = changes.publicUrl ?? PUBLIC_URL
    const redirectUri = `${publicUrl}/sign-in/callback`
    entra.allowRedirect(redirectUri)
    const signIn = entraSignIn({ ...entra, redirectUri, log: ground.log })
    const at = { publicUrl, secrets: SECRETS, clientId: entra.clientId, signIn, metrics }
    const app = httpServer({ log: ground.log, publicUrl })
    pages(app, { ...needs, digests, ...at, ...changes })
    await app.ready()
    opened.push(app)
    return app
  }

  const app = await open()
  return {
    office,
    app,
    open,
    async ask(person = 'rita', scope) {
      const counted = await redis.keys(`${office.ground.prefix}:index:*:${PEOPLE[person]}`)
      if (counted.length > 0) await redis.del(...counted)
      return office.ask(person, scope)
    },
    tab: (other = app) => openTab(office, other),
    refused: async () =>
      Number(/refused_before_authentication_total (\d+)/.exec(await metrics.registry.metrics())?.[1]),
    async close() {
      for (const one of opened) await one.close()
      await office.close()
    },
  }
}

function openTab({ entra }: Office, app: FastifyInstance): BrowserTab {
  const cookies = new Map<string, string>()

  async function send(method: 'GET' | 'POST', url: string, payload?: string, headers: Headers = {}) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const sent = Object.fromEntries(Object.entries({ cookie, ...headers }).filter(([, value]) => value !== undefined))
    const answer = await app.inject({ method, url, headers: sent, ...(payload && { payload }) })
    for (const { name, value, maxAge } of answer.cookies) {
      if (maxAge === 0) cookies.delete(name)
      else cookies.set(name, value)
    }
    return answer
  }

  const get = (path: string) => send('GET', path)
  async function throughEntra(link: string, person: PersonName): Promise<string> {
    const back = await entra.signIn(PEOPLE[person], link)
    return `${back.pathname}${back.search}`
  }

  return {
    cookies,
    get,
    throughEntra,
    post(path, form, headers = {}) {
      const type = 'application/x-www-form-urlencoded'
      const sent = { 'content-type': type, origin: PUBLIC_URL, ...headers }
      return send('POST', path, new URLSearchParams(form).toString(), sent)
    },
    async signedIn(person, requestId) {
      const path = `/requests/${requestId}`
      const leave = await get(path)
      const back = await get(await throughEntra(String(leave.headers.location), person))
      return get(String(back.headers.location))
    },
  }
}

/** The hidden fields of the form that decides, as a browser would send them. */
export function fieldsOf({ body }: LightMyRequestResponse): { readonly csrf: string; readonly version: string } {
  const value = (name: string) =>
    unescaped(new RegExp(`<input type="hidden" name="${name}" value="([^"]+)">`).exec(body)?.[1] ?? '')
  return { csrf: value('csrf'), version: value('version') }
}

/** What a reader sees. */
export function textOf({ body }: Pick<LightMyRequestResponse, 'body'>): string {
  const visible = body.replace(/<style>[\s\S]*?<\/style>|<title>[\s\S]*?<\/title>/g, '')
  return unescaped(visible.replace(/<[^>]+>/g, ' ')).replace(/\s+/g, ' ')
}

function unescaped(html: string): string {
  return html.replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
}
