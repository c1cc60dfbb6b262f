import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Problem } from '../problem.ts'

const WAIT_MS = 5 * 60_000

const STYLE =
  'body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:20vh auto;padding:0 1.5rem;color-scheme:light dark}'
const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>Latchkey</title><style>${STYLE}</style>
<main><h1>Latchkey</h1><p>You can close this window and go back to your terminal.</p></main></html>`

function listen(server: Server): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      // Entra accepts any port for the registered `http://localhost/callback` ("Redirect URI restrictions", localhost
      // exceptions).
      resolve(`http://localhost:${port}/callback`)
    })
  })
}

function nextRedirect(server: Server, redirectUri: string, state: string): Promise<URL> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new Problem('Nobody signed in within five minutes. Run `latchkey login` again.'))
    const timer = setTimeout(late, WAIT_MS)
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const url = new URL(request.url ?? '/', redirectUri)
      if (request.method !== 'GET' || url.searchParams.get('state') !== state) {
        response.writeHead(404, { connection: 'close' }).end()
        return
      }
      clearTimeout(timer)
      const headers = { 'content-type': 'text/html; charset=utf-8', connection: 'close' }
      response.writeHead(200, headers).end(PAGE, () => resolve(url))
    })
  })
}

/**
 * Waits on a port of this machine for the browser to come back from Entra.
 * @param begin Sends the browser to Entra, with the address to come back to
 * @returns The address with which the browser came back
 */
export async function awaitRedirect(begin: (redirectUri: string) => void, state: string): Promise<URL> {
  const server = createServer()
  try {
    const redirectUri = await listen(server)
    const redirected = nextRedirect(server, redirectUri, state)
    begin(redirectUri)
    return await redirected
  } finally {
    server.close()
    server.closeAllConnections()
  }
}
