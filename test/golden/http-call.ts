import { createHash } from 'node:crypto'
import { Agent, type IncomingMessage, request } from 'node:http'
import { jsonIn, mask, maskAll, WORDS_OF_A_TIME } from './mask.ts'

/** One HTTP answer of Latchkey, byte by byte where it is the same in every run. */

export interface Call {
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Sends only the header with this length, never the body. */
  readonly announcedBytes?: number
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly setCookies: readonly string[]
  readonly text: string
}

export interface Shape {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
}

const agent = new Agent({ keepAlive: true })

export function closeCalls(): void {
  agent.destroy()
}

export function send(
  origin: string,
  { method = 'GET', path, headers = {}, body, announcedBytes }: Call,
): Promise<Answer> {
  const length = announcedBytes ?? (body === undefined ? undefined : Buffer.byteLength(body))
  const sent = { ...headers, ...(length === undefined ? {} : { 'content-length': String(length) }) }
  return new Promise((resolve, reject) => {
    const call = request(`${origin}${path}`, { method, headers: sent, agent }, (response) => {
      read(response).then((answer) => {
        if (announcedBytes !== undefined) call.destroy()
        resolve(answer)
      }, reject)
    })
    call.once('error', reject)
    if (announcedBytes !== undefined) call.flushHeaders()
    else call.end(body)
  })
}

async function read(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(Buffer.from(chunk))
  const { rawHeaders } = response
  const pairs = rawHeaders.flatMap((name, at) =>
    at % 2 === 0 ? [[name.toLowerCase(), rawHeaders[at + 1] ?? ''] as const] : [],
  )
  return {
    status: response.statusCode ?? 0,
    headers: Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : 1))),
    setCookies: pairs.flatMap(([name, value]) => (name === 'set-cookie' ? [value] : [])),
    text: Buffer.concat(chunks).toString('utf8'),
  }
}

/** Fields that give access. */
const SECRETS: ReadonlySet<string> = new Set(['AccessKeyId', 'SecretAccessKey', 'SessionToken'])

export function shapeOf({ status, headers, setCookies, text }: Answer): Shape {
  const json = jsonIn(text)
  const body = json === undefined ? mask(withoutStyle(text)) : maskAll(withoutSecrets(json))
  return { status, headers: headersOf(headers, setCookies, text), body }
}

function headersOf(headers: Answer['headers'], setCookies: readonly string[], text: string) {
  const cookies = setCookies.map((line) => line.replace(/=[^;]+;/, '=<sealed>;')).join('\n')
  const masked = Object.entries(headers).map(([name, value]) => {
    if (name === 'date') return [name, '<date>'] as const
    if (name === 'set-cookie') return [name, cookies] as const
    if (name === 'location') return [name, mask(withoutValues(value))] as const
    // Tokens, signatures and names of days have no fixed length.
    const isOfAnyLength = /SessionToken|SigninToken|X-Amz-/.test(text) || text.search(WORDS_OF_A_TIME) >= 0
    if (name === 'content-length' && isOfAnyLength) return [name, '<n>'] as const
    return [name, mask(value)] as const
  })
  return Object.fromEntries(masked)
}

/** Replaces a style sheet by its digest. */
function withoutStyle(text: string): string {
  return text.replace(/<style>([\s\S]*?)<\/style>/g, (_, style: string) => {
    return `<style>sha256 ${createHash('sha256').update(style).digest('hex')}</style>`
  })
}

/** Of a URL that leads elsewhere keeps only the names of its parameters. */
function withoutValues(url: string): string {
  if (!url.startsWith('http')) return url
  const { origin, pathname, searchParams } = new URL(url)
  return `${origin}${pathname}?${[...searchParams.keys()].join('&')}`
}

function withoutSecrets(json: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(
    Object.entries(json).map(([name, value]) => {
      if (SECRETS.has(name)) return [name, '<secret>']
      return [name, name === 'url' ? withoutValues(String(value)) : value]
    }),
  )
}
