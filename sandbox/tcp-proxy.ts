import { connect, createServer, type Socket } from 'node:net'

/** A proxy between a client and a server on a socket path that simulates network faults. */
export interface TcpProxy {
  /** `redis://127.0.0.1:<port>` */
  readonly url: string
  /** Drops all bytes in both directions and closes nothing, like a lost NAT entry. */
  freeze(): void
  /** As `freeze` for the present connections, which never recover. New connections work. */
  blackHole(): void
  /** Forwards the client's bytes and drops the server's answers. */
  loseReplies(): void
  /** Forwards again, held bytes first. Dropped answers stay lost. */
  heal(): void
  /** Closes every connection. New ones are accepted. */
  cut(): void
  /** The number of the client's writes that reached the proxy. */
  chunksSent(): number
  stop(): Promise<void>
}

type State = 'open' | 'frozen' | 'losing-replies'

interface Pair {
  readonly client: Socket
  readonly server: Socket
}

export async function startTcpProxy(targetPath: string): Promise<TcpProxy> {
  const pairs = new Set<Pair>()
  let state: State = 'open'
  let chunks = 0

  function join(client: Socket): void {
    const pair = { client, server: connect(targetPath) }
    pairs.add(pair)
    client.on('data', (chunk) => {
      chunks += 1
      pair.server.write(chunk)
    })
    pair.server.on('data', (chunk) => {
      if (state !== 'losing-replies') client.write(chunk)
    })
    for (const socket of [client, pair.server]) {
      // Broken connections are expected here, and both ends notice them.
      socket.on('error', () => end(pair))
      socket.on('close', () => end(pair))
    }
    if (state === 'frozen') hold(pair)
  }

  function hold({ client, server }: Pair): void {
    client.pause()
    server.pause()
  }

  function end(pair: Pair): void {
    pairs.delete(pair)
    pair.client.destroy()
    pair.server.destroy()
  }

  const proxy = createServer(join)
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const address = proxy.address()
  if (address === null || typeof address === 'string') throw new Error('The proxy has no port.')

  return {
    url: `redis://127.0.0.1:${address.port}`,
    freeze() {
      state = 'frozen'
      for (const pair of pairs) hold(pair)
    },
    blackHole() {
      for (const pair of pairs) hold(pair)
      for (const { client, server } of pairs) {
        client.removeAllListeners('data')
        server.removeAllListeners('data')
      }
    },
    loseReplies() {
      state = 'losing-replies'
    },
    heal() {
      state = 'open'
      for (const { client, server } of pairs) {
        client.resume()
        server.resume()
      }
    },
    cut() {
      for (const pair of pairs) end(pair)
    },
    chunksSent: () => chunks,
    async stop() {
      for (const pair of pairs) end(pair)
      await new Promise((resolve) => proxy.close(resolve))
    },
  }
}
