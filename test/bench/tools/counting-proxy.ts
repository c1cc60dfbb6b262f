import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/**
 * A proxy between a process and its Redis that counts round trips. What a client sends on one connection without a pause is one burst and one round trip.
 * A burst is held until the client was silent for some milliseconds, so commands that do not wait for each other share a burst, and those that do never share one.
 */
export interface CountingProxy {
  /** `redis://127.0.0.1:<port>` */
  readonly url: string
  /** Every round trip so far, as the names and arguments of its commands. */
  trips(): readonly Trip[]
  /** Resolves after half a second without a trip that `counts`. */
  untilQuiet(counts: (trip: Trip) => boolean): Promise<void>
  stop(): Promise<void>
}

export type Trip = readonly (readonly string[])[]

const HELD_MS = 8
const QUIET_MS = 500

export async function startCountingProxy(targetPath: string): Promise<CountingProxy> {
  const sockets = new Set<Socket>()
  const trips: { readonly trip: Trip; readonly at: number }[] = []

  function join(client: Socket): void {
    const server = connect(targetPath)
    let held: Buffer[] = []
    let timer: NodeJS.Timeout | undefined
    client.on('data', (chunk) => {
      held.push(chunk)
      wait()
    })
    function wait(): void {
      clearTimeout(timer)
      // When this process was busy, the rest of a burst may be unread. It is read before the burst counts as complete.
      timer = setTimeout(
        (chunks: number) => setImmediate(() => (held.length === chunks ? pass() : wait())),
        HELD_MS,
        held.length,
      )
    }
    function pass(): void {
      const burst = Buffer.concat(held)
      held = []
      if (burst.length === 0) return
      trips.push({ trip: commandsIn(burst), at: performance.now() })
      server.write(burst)
    }
    server.on('data', (chunk) => client.write(chunk))
    for (const socket of [client, server]) {
      sockets.add(socket)
      // When one side ends, the other side's socket closes too.
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        clearTimeout(timer)
        client.destroy()
        server.destroy()
        sockets.delete(socket)
      })
    }
  }

  const proxy = createServer(join)
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const address = proxy.address()
  if (address === null || typeof address === 'string') throw new Error('The proxy has no port.')
  return {
    url: `redis://127.0.0.1:${address.port}`,
    trips: () => trips.map(({ trip }) => trip),
    async untilQuiet(counts) {
      const lastAt = () => trips.findLast(({ trip }) => counts(trip))?.at ?? 0
      while (performance.now() - lastAt() < QUIET_MS) await delay(20)
    },
    async stop() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => proxy.close(resolve))
    },
  }
}

const LF = 10

/** The commands in a burst of RESP ("Redis serialization protocol": arrays of bulk strings). */
export function commandsIn(burst: Buffer): Trip {
  const commands: string[][] = []
  let at = 0
  const readLine = () => {
    const end = burst.indexOf(LF, at)
    if (end === -1) throw new Error('A burst ended in the middle of a command.')
    const line = burst.toString('latin1', at, end - 1)
    at = end + 1
    return line
  }
  while (at < burst.length) {
    const words: string[] = []
    for (let left = Number(readLine().slice(1)); left > 0; left -= 1) {
      const bytes = Number(readLine().slice(1))
      words.push(burst.toString('utf8', at, at + bytes))
      at += bytes + 2
    }
    commands.push(words)
  }
  return commands
}
