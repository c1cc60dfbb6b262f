import { Problem } from '../problem.ts'
import { print, wrapped } from './print.ts'

const TIMEOUT_MS = 5_000

/**
 * Checks that the running service accepts the key, before the key is given to AWS. An empty event is sent: the service
 * answers 401 to an unknown key and 400 to a known one.
 * @throws Problem when the service does not accept the key; another answer, or none, is only printed
 */
export async function checkKeyAccepted(publicUrl: string, key: string): Promise<void> {
  const url = new URL('/api/cloudtrail', publicUrl)
  const status = await post(url, key)
  if (status === 400) return
  if (status === 401) throw keyNotAccepted(url)
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
    // Not an error: the service may be unreachable from the operator's network. The caller prints it.
    return undefined
  }
}

function keyNotAccepted({ href }: URL): Problem {
  return new Problem(
    `${href} does not take the first key of CLOUDTRAIL_KEYS yet. Restart Latchkey's web part with it, and run this again. Nothing was changed.`,
  )
}
