import type { z } from 'zod'
import { isLiteralLoopback } from '../../config/sandbox.ts'
import { errorBody } from '../../http/answer-errors.ts'
import { withTimes } from '../../views/request-sentence.ts'
import { plain } from '../plain.ts'
import { Problem, Refusal } from '../problem.ts'
import { unreachable } from '../unreachable.ts'

const TIMEOUT_MS = 30_000

/**
 * The origin of Latchkey. A token is sent over HTTPS only, or to a literal loopback address.
 * @throws Problem for any other address
 */
export function latchkeyUrl(given: string | undefined): string {
  const url = given !== undefined && URL.canParse(given) ? new URL(given) : undefined
  const isHere = url?.protocol === 'http:' && isLiteralLoopback(url.hostname)
  if (url === undefined || (url.protocol !== 'https:' && !isHere)) {
    throw new Problem('Set LATCHKEY_URL to the https address of your Latchkey, as https://latchkey.example.com.')
  }
  return url.origin
}

export interface Call {
  readonly method?: 'GET' | 'POST'
  readonly token?: string
  readonly body?: object
}

/**
 * Calls Latchkey and parses its answer.
 * @throws Refusal with Latchkey's own sentence; Problem when the address cannot be reached or does not answer as
 * Latchkey does
 */
export async function callApi<S extends z.ZodType>(
  url: string,
  path: string,
  shape: S,
  call: Call = {},
): Promise<z.output<S>> {
  const response = await send(url, path, call)
  const answer: unknown = await response.json().catch(() => undefined)
  if (!response.ok) {
    const refusal = errorBody.safeParse(answer)
    if (!refusal.success) throw new Problem(`${url} answered ${response.status}. Is LATCHKEY_URL right?`)
    const { code, message } = refusal.data.error
    throw new Refusal(code, plain(withTimes(message)))
  }
  const parsed = shape.safeParse(answer)
  if (!parsed.success) throw new Problem(`${url} does not answer like a Latchkey. Is LATCHKEY_URL right?`)
  return parsed.data
}

async function send(url: string, path: string, { method = 'GET', token, body }: Call): Promise<Response> {
  const headers = {
    accept: 'application/json',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  }
  try {
    return await fetch(new URL(path, url), {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      // A redirect could send the token to another host.
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
  } catch (error) {
    throw unreachable(url, error)
  }
}
