import { Problem } from '../problem.ts'
import { print, wrapped } from './print.ts'

const TIMEOUT_MS = 5_000

/** Before AWS is given a key: does the service that runs take it? It answers 401 to a stranger, and 400 to somebody known who says nothing. */
export async function knock(publicUrl: string, key: string): Promise<void> {
  const url = new URL('/api/cloudtrail', publicUrl)
  const status = await post(url, key)
  if (status === 400) return
  if (status === 401) throw notTaken(url)
  const what =
    status === undefined ? 'cannot be reached from here' : `answers ${status}, which is not how Latchkey answers`
  for (const line of wrapped(`? ${url.href} ${what}. The self-test will tell whether AWS reaches it.`, 0)) print(line)
}

async function post(url: URL, key: string): Promise<number | undefined> {
  const headers = { 'x-latchkey-key': key, 'content-type': 'application/json' }
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const { status } = await fetch(url, { method: 'POST', headers, body: '{}', redirect: 'error', signal })
    return status
  } catch {
    // Told by the caller: from where an operator sits it may be out of reach.
    return undefined
  }
}

function notTaken({ href }: URL): Problem {
  return new Problem(
    `${href} does not take the first key of CLOUDTRAIL_KEYS yet. Restart Latchkey's web part with it, and run this again. Nothing was changed.`,
  )
}
