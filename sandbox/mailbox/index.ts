import { randomUUID } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { SandboxPerson, Tenant } from '../entra/tenant.ts'
import { bodyPage, inboxPage, peoplePage } from './pages.ts'

/** Every person's mailbox, readable in a browser. A mail that Graph's `sendMail` accepted appears at once. */

export interface SandboxMail {
  readonly id: string
  readonly at: string
  readonly from: string
  readonly to: readonly string[]
  readonly subject: string
  readonly html: string
  readonly headers: Readonly<Record<string, string>>
}

export interface Mailboxes {
  readonly url: string
  mailboxUrl(personId: string): string
  /** The oldest mail first. */
  mails(personId: string): readonly SandboxMail[]
  /** Resolves with the first mail that matches, past or future. */
  waitForMail(personId: string, isWanted?: (mail: SandboxMail) => boolean): Promise<SandboxMail>
  /** Mails to addresses that no person here has. */
  readonly elsewhere: readonly SandboxMail[]
  deliver(mail: Omit<SandboxMail, 'id' | 'at'>): void
  stop(): Promise<void>
}

const BODY_POLICY =
  "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'self'"
const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; frame-src 'self'; img-src data:"

export async function startMailboxes(tenant: Tenant): Promise<Mailboxes> {
  const arrivals = new EventEmitter().setMaxListeners(0)
  const boxes = new Map<string, SandboxMail[]>()
  const elsewhere: SandboxMail[] = []
  const mails = (personId: string): readonly SandboxMail[] => boxes.get(personId) ?? []

  function deliver(given: Omit<SandboxMail, 'id' | 'at'>): void {
    const mail = { ...given, id: randomUUID(), at: new Date().toISOString() }
    const readers = tenant.people().filter((person) => mail.to.some((address) => isOf(address, person)))
    if (readers.length === 0) elsewhere.push(mail)
    for (const { id } of readers) {
      boxes.set(id, [...mails(id), mail])
      arrivals.emit(id)
    }
  }

  async function waitForMail(personId: string, isWanted: (mail: SandboxMail) => boolean = () => true) {
    for (;;) {
      const found = mails(personId).find(isWanted)
      if (found) return found
      await once(arrivals, personId)
    }
  }

  function show(request: IncomingMessage, response: ServerResponse): void {
    const [personId = '', mailId, part] = new URL(request.url ?? '/', 'http://mailbox').pathname.slice(1).split('/')
    const person = tenant.person(personId)
    const mail = mailId === undefined ? undefined : mails(personId).find(({ id }) => id === mailId)
    if (person !== undefined && mailId === 'arrivals') sendArrivals(response, arrivals, personId)
    else if (mail !== undefined && part === 'body') send(response, 200, bodyPage(mail.html), BODY_POLICY)
    else if (person !== undefined && (mail !== undefined || mailId === undefined)) {
      send(response, 200, inboxPage(person, mails(personId), mail))
    } else {
      const counted = tenant.people().map((one) => ({ person: one, count: mails(one.id).length }))
      send(response, personId === '' ? 200 : 404, peoplePage(counted))
    }
  }

  const server = createServer(show)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The mailboxes are not listening on a port.')
  const url = `http://127.0.0.1:${address.port}`
  return {
    url,
    mailboxUrl: (personId) => `${url}/${personId}`,
    mails,
    waitForMail,
    elsewhere,
    deliver,
    async stop() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

function isOf(address: string, { mail, userPrincipalName }: SandboxPerson): boolean {
  return [mail, userPrincipalName].some((own) => own?.toLowerCase() === address.toLowerCase())
}

/** Tells an open page about new mail, so that it need not poll. */
function sendArrivals(response: ServerResponse, arrivals: EventEmitter, personId: string): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' }).flushHeaders()
  const arrived = () => response.write('data: mail\n\n')
  arrivals.on(personId, arrived)
  response.on('close', () => arrivals.off(personId, arrived))
}

function send(response: ServerResponse, status: number, page: string, policy = PAGE_POLICY): void {
  const headers = {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy,
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
  }
  response.writeHead(status, headers).end(page)
}
