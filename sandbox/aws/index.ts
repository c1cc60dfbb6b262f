import type { FinishedCall, ServiceHandler, ServiceName, VpcEndpoint } from './call.ts'
import { type AwsClock, sandboxClock } from './clock.ts'
import type { SandboxCore } from './core.ts'
import type { CourierOptions } from './events/courier.ts'
import { createEvents, type SandboxEvents } from './events/index.ts'
import { sandboxFaults } from './faults.ts'
import { sandboxJournal } from './journal.ts'
import { PLUGINS } from './plugins.ts'
import { createS3, type SandboxS3 } from './s3/index.ts'
import { type SeededLatchkey, type SeedOptions, seedLatchkey } from './seed.ts'
import { serve } from './server.ts'
import { awsAccounts } from './state.ts'

/** The AWS of the sandbox, in one process on 127.0.0.1. It refuses what AWS refuses. */
export interface SandboxAws extends SandboxCore {
  readonly clock: AwsClock
  /** The value for AWS_ENDPOINT_URL. Every service answers on one port. */
  readonly url: string
  readonly s3Url: string
  /** The same over TLS, for clients that trust the test certificate authority. */
  secureUrl(): Promise<string>
  /** Returns a URL whose requests come through this VPC endpoint. */
  endpointUrl(endpoint: VpcEndpoint): Promise<string>
  /** Returns a URL whose requests come from this address of the machine (127.0.0.2, …). */
  urlAppearingFrom(address: string): Promise<string>
  /** Access to the stored objects without S3's API. */
  readonly s3: SandboxS3
  /** CloudTrail's records and their delivery by EventBridge. */
  readonly events: SandboxEvents
  /** Creates what an owner would create for Latchkey, in the first account or in another. */
  seedLatchkey(options?: SeedOptions, account?: string): SeededLatchkey
  stop(): Promise<void>
}

export interface AwsOptions {
  readonly port?: number
  readonly account?: string
  readonly region?: string
  /** The delay between a change of inline policies and its enforcement; default 0. */
  readonly propagationMs?: number
  readonly delivery?: CourierOptions
}

export async function startAws(options: AwsOptions = {}): Promise<SandboxAws> {
  const { port = 0, account = '111122223333', region = 'eu-west-1', propagationMs = 0 } = options
  const listeners: ((call: FinishedCall) => void)[] = []
  const accountState = awsAccounts(region, propagationMs)
  const clock = sandboxClock()
  const core: SandboxCore = {
    clock,
    state: accountState(account),
    account: accountState,
    journal: sandboxJournal(),
    faults: sandboxFaults(),
    onFinished: (listener) => void listeners.push(listener),
  }
  const handlers = new Map<ServiceName, ServiceHandler>()
  for (const plugin of PLUGINS) {
    const handler = await plugin(core)
    handlers.set(handler.service, handler)
  }
  const { handler: s3Handler, s3 } = createS3(core)
  const { handler: eventsHandler, events } = createEvents(core, options.delivery)
  handlers.set('s3', s3Handler).set('events', eventsHandler)
  const finished = (call: FinishedCall) => {
    for (const listener of listeners) listener(call)
  }
  const server = await serve({ core, handlers, finished }, port)
  return {
    ...core,
    clock,
    url: server.url,
    s3Url: server.url,
    secureUrl: () => server.open({ secure: true }),
    endpointUrl: (endpoint) => server.open({ secure: false, endpoint }),
    urlAppearingFrom: (address) => server.appearingFrom(address),
    s3,
    events,
    seedLatchkey: (seed, id = account) => seedLatchkey({ ...core, state: core.account(id) }, seed),
    async stop() {
      core.faults.clear()
      await server.stop()
      for (const handler of handlers.values()) await handler.stop?.()
    },
  }
}
