import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/**
 * HTTP on bare sockets, because on two processors a full HTTP client would dominate the measurement. It reads answers by their
 * Content-Length and knows no more of HTTP.
 */

export interface LoadOptions {
  readonly url: string
  readonly connections: number
  /** Complete requests as bytes. Each is sent once. */
  readonly requests: readonly Buffer[]
  readonly wantedStatus: number
}

/** Requests per second. Each connection sends its next request after the answer to the last. */
export async function load(options: LoadOptions): Promise<number> {
  const { seconds } = await playAll(options)
  return options.requests.length / seconds
}

/** The milliseconds until each answer. */
export async function answerTimes(options: LoadOptions): Promise<readonly number[]> {
  return (await playAll(options)).times
}

async function playAll({ url, connections, requests, wantedStatus }: LoadOptions) {
  const { hostname, port } = new URL(url)
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(hostname, Number(port))))
  let next = 0
  const startedAt = performance.now()
  const times = await Promise.all(sockets.map((socket) => play(socket, () => requests[next++], wantedStatus)))
  const seconds = (performance.now() - startedAt) / 1_000
  for (const socket of sockets) socket.destroy()
  return { seconds, times: times.flat() }
}

export function postRequest(url: string, headers: Readonly<Record<string, string>>, body: string): Buffer {
  const { pathname, host } = new URL(url)
  const bytes = Buffer.byteLength(body)
  const all = { host, 'content-type': 'application/json', 'content-length': String(bytes), ...headers }
  const lines = [`POST ${pathname} HTTP/1.1`, ...Object.entries(all).map(([name, value]) => `${name}: ${value}`)]
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`)
}

async function open(host: string, port: number): Promise<Socket> {
  const socket = connect({ host, port, noDelay: true })
  await once(socket, 'connect')
  return socket
}

function play(socket: Socket, take: () => Buffer | undefined, wantedStatus: number): Promise<readonly number[]> {
  const wanted = `HTTP/1.1 ${wantedStatus} `
  return new Promise((resolve, reject) => {
    let answer = ''
    let sentAt = 0
    const times: number[] = []
    const sendNext = () => {
      const request = take()
      sentAt = performance.now()
      if (request === undefined) resolve(times)
      else socket.write(request)
    }
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1')
      if (!isWhole(answer)) return
      times.push(performance.now() - sentAt)
      if (!answer.startsWith(wanted)) reject(new Error(`Not ${wantedStatus}: ${answer}`))
      answer = ''
      sendNext()
    })
    socket.on('close', () => reject(new Error('The server closed a connection under load.')))
    socket.on('error', reject)
    sendNext()
  })
}

function isWhole(answer: string): boolean {
  const headEnd = answer.indexOf('\r\n\r\n')
  if (headEnd === -1) return false
  const length = /\r\ncontent-length: (\d+)/i.exec(answer)?.[1] ?? '0'
  return answer.length >= headEnd + 4 + Number(length)
}
