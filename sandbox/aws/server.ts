import { randomUUID } from 'node:crypto'
import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { connect, createServer as createForwarder, type Server, type Socket } from 'node:net'
import { serverCertificate } from '../certificate.ts'
import type { AskedCall } from './call.ts'
import {
  AwsError,
  type FinishedCall,
  type Identity,
  type Outcome,
  type Reply,
  type SandboxRequest,
  type ServiceHandler,
  type ServiceName,
  type VpcEndpoint,
} from './call.ts'
import type { SandboxCore } from './core.ts'
import type { Fate } from './faults.ts'
import { isSignin } from './signin.ts'
import { authenticate, claimedAccount, signedService } from './sigv4.ts'

/** The port: routes a request to its service and applies faults, signature check, effect and journal. */

export interface SandboxServer {
  readonly url: string
  /** Opens another port: with TLS, or for a VPC endpoint. */
  open(options: Opened): Promise<string>
  /** Returns a URL whose requests come from this address of the machine (127.0.0.2, …). */
  appearingFrom(address: string): Promise<string>
  stop(): Promise<void>
}

export interface Opened {
  readonly secure: boolean
  readonly endpoint?: VpcEndpoint
}

interface Behind {
  readonly core: SandboxCore
  readonly handlers: ReadonlyMap<ServiceName, ServiceHandler>
  finished(call: FinishedCall): void
}

export async function serve(behind: Behind, port: number): Promise<SandboxServer> {
  const stops: (() => Promise<void>)[] = []

  async function open(options: Opened, at = 0): Promise<string> {
    const answerer = (incoming: IncomingMessage, response: ServerResponse) => {
      void answer(behind, options, incoming, response).catch((error: unknown) => {
        response.destroy(error instanceof Error ? error : new Error(String(error)))
      })
    }
    const server = options.secure ? createTlsServer(serverCertificate(), answerer) : createServer(answerer)
    stops.push(() => closed(server))
    return `http${options.secure ? 's' : ''}://127.0.0.1:${await listening(server, at)}`
  }

  const url = await open({ secure: false }, port)
  return {
    url,
    open,
    async appearingFrom(address) {
      const forwarder = forwardFrom(address, Number(new URL(url).port))
      stops.push(forwarder.stop)
      return `http://127.0.0.1:${await listening(forwarder.server, 0)}`
    },
    async stop() {
      await Promise.all(stops.map((stop) => stop()))
    },
  }
}

async function listening(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The sandbox listens on no port.')
  return address.port
}

function closed(server: HttpServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

/** Forwards connections from another address of this machine, which S3 then sees as the caller's address. */
function forwardFrom(localAddress: string, port: number): { readonly server: Server; stop(): Promise<void> } {
  const open = new Set<Socket>()
  const server = createForwarder((client) => {
    const on = connect({ host: '127.0.0.1', port, localAddress })
    for (const socket of [client, on]) {
      open.add(socket)
      socket.once('error', () => socket.destroy())
      socket.once('close', () => {
        open.delete(socket)
        client.destroy()
        on.destroy()
      })
    }
    client.pipe(on).pipe(client)
  })
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      for (const socket of open) socket.destroy()
    })
  return { server, stop }
}

async function answer(
  behind: Behind,
  opened: Opened,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const request = await read(incoming, opened)
  const handler = handlerOf(behind, request)
  if (handler === undefined) return send(behind, response, request, { status: 404, headers: {}, body: '' })
  const reply = await carry(behind, handler, request)
  if (reply === 'cut') response.destroy()
  else send(behind, response, request, reply)
}

/** Finds the service by the signature; for an unsigned request, by its form. */
function handlerOf({ handlers }: Behind, request: SandboxRequest): ServiceHandler | undefined {
  if (isSignin(request)) return handlers.get('signin')
  const signed = signedService(request)
  const named = [...handlers.values()].find(({ service }) => service === signed)
  if (named !== undefined) return named
  if (request.headers['x-amz-target']?.startsWith('AWSEvents.')) return handlers.get('events')
  const form = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded')
  return handlers.get(form && request.rawPath === '/' ? 'iam' : 's3')
}

async function carry(behind: Behind, handler: ServiceHandler, request: SandboxRequest): Promise<Reply | 'cut'> {
  const { core } = behind
  const account = claimedAccount(request, core)
  let called: AskedCall = { service: handler.service, action: 'Unknown', parameters: {}, account }
  let identity: Identity | undefined
  let at = core.clock.now()
  const result = await attempt(async () => {
    called = { ...handler.describe(request), account }
    const fate = await core.faults.before(called)
    // The time is read before the call is authorised. A call that was allowed just before an end must not be recorded after it.
    at = core.clock.now()
    if (fate !== 'go') return fate
    identity = handler.authenticate?.(request) ?? authenticate(request, handler.service, core)
    const { service, action, parameters } = called
    return handler.handle({ service, action, parameters, request, identity })
  })
  if (result === 'cut') return 'cut'
  const { outcome, error } = settle(result, handler, request)
  core.faults.carried(called, error === undefined ? 'done' : 'refused')
  note(behind, { called, at, identity, request, outcome, error })
  const fate = await core.faults.after(called)
  return fate === 'go' ? outcome.reply : afterFate(fate, handler, request)
}

async function attempt(act: () => Promise<Outcome | Fate>): Promise<Outcome | AwsError | 'cut'> {
  try {
    const result = await act()
    if (typeof result === 'string') return 'cut'
    return 'code' in result ? new AwsError(result.code, result.status, result.message) : result
  } catch (error) {
    if (error instanceof AwsError) return error
    console.error('The sandbox itself failed', error)
    return new AwsError('InternalFailure', 500, error instanceof Error ? error.message : String(error))
  }
}

function settle(result: Outcome | AwsError, handler: ServiceHandler, request: SandboxRequest) {
  if (!(result instanceof AwsError)) return { outcome: result, error: undefined }
  const outcome: Outcome = { reply: handler.renderError(result, request) }
  return { outcome, error: { code: result.code, message: result.message, status: result.status } }
}

function afterFate(fate: Exclude<Fate, 'go'>, handler: ServiceHandler, request: SandboxRequest): Reply | 'cut' {
  return fate === 'cut' ? 'cut' : handler.renderError(new AwsError(fate.code, fate.status, fate.message), request)
}

interface Carried {
  readonly called: AskedCall
  readonly at: number
  readonly identity: Identity | undefined
  readonly request: SandboxRequest
  readonly outcome: Outcome
  readonly error: FinishedCall['error']
}

function note({ core, finished }: Behind, { called, at, identity, request, outcome, error }: Carried): void {
  const { reply, facts = {} } = outcome
  const { account: _, ...described } = called
  finished({ ...described, at, request, identity, reply, error, facts })
  core.journal.append({
    at: new Date(at).toISOString(),
    ...described,
    identity: identity?.arn,
    outcome: error === undefined ? 'done' : 'refused',
    errorCode: error?.code,
  })
}

function send({ core }: Behind, response: ServerResponse, request: SandboxRequest, reply: Reply): void {
  response.writeHead(reply.status, {
    date: new Date(core.clock.now()).toUTCString(),
    'x-amzn-requestid': request.requestId,
    ...reply.headers,
  })
  response.end(request.method === 'HEAD' ? undefined : reply.body)
}

async function read(incoming: IncomingMessage, { secure, endpoint }: Opened): Promise<SandboxRequest> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const [rawPath = '/', ...query] = (incoming.url ?? '/').split('?')
  const headers = Object.entries(incoming.headers).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.join(',') : (value ?? ''),
  ])
  return {
    method: incoming.method ?? 'GET',
    rawPath,
    rawQuery: query.join('?'),
    headers: Object.fromEntries(headers),
    body: Buffer.concat(chunks),
    sourceIp: incoming.socket.remoteAddress ?? '127.0.0.1',
    endpoint,
    secure,
    requestId: randomUUID(),
  }
}
