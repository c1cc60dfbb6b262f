import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'

/** The ways in which a service can fail, as its client sees them. */
export type Fault =
  /** The connection breaks. */
  | { readonly kind: 'down' }
  /** The request is taken and never answered. */
  | { readonly kind: 'silent' }
  | { readonly kind: 'slow'; readonly milliseconds: number }
  | { readonly kind: 'status'; readonly status: number; readonly retryAfterSeconds?: number }
  /** A proxy answers a web page with status 200. */
  | { readonly kind: 'web-page' }

export type Part = 'graph' | 'tokens' | 'keys'

export interface Faults {
  /** The part fails until it is healed, or for the next `times` requests. */
  fail(part: Part, fault: Fault, times?: number): void
  heal(): void
  /** The number of requests to the part that met a fault. */
  struck(part: Part): number
  /** Applies a fault to the request. True when it did, so that nothing else answers. */
  strike(part: Part, request: IncomingMessage, response: ServerResponse): Promise<boolean>
}

export function createFaults(errorBody: (part: Part, status: number) => object): Faults {
  const set = new Map<Part, { fault: Fault; left: number }>()
  const counts = new Map<Part, number>()

  function next(part: Part): Fault | undefined {
    const entry = set.get(part)
    if (entry === undefined) return undefined
    entry.left -= 1
    counts.set(part, (counts.get(part) ?? 0) + 1)
    if (entry.left <= 0) set.delete(part)
    return entry.fault
  }

  return {
    fail: (part, fault, times = Number.POSITIVE_INFINITY) => set.set(part, { fault, left: times }),
    heal: () => set.clear(),
    struck: (part) => counts.get(part) ?? 0,
    async strike(part, request, response) {
      const fault = next(part)
      if (fault === undefined) return false
      if (fault.kind === 'slow') {
        await wait(fault.milliseconds, undefined, { ref: false })
        return false
      }
      if (fault.kind === 'down') request.socket.destroy()
      if (fault.kind === 'web-page') response.setHeader('content-type', 'text/html').end('<h1>Proxy</h1>')
      if (fault.kind === 'status') {
        if (fault.retryAfterSeconds !== undefined) response.setHeader('retry-after', fault.retryAfterSeconds)
        response.statusCode = fault.status
        response.setHeader('content-type', 'application/json')
        response.end(JSON.stringify(errorBody(part, fault.status)))
      }
      return true
    },
  }
}
