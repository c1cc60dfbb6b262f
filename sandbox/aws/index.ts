import type { FinishedCall, SandboxCore, ServiceHandler, ServiceName, VpcEndpoint } from './call.ts'
import { type AwsClock, sandboxClock } from './clock.ts'
import type { CourierOptions } from './events/courier.ts'
import { createEvents, type SandboxEvents } from './events/index.ts'
import { sandboxFaults } from './faults.ts'
import { sandboxJournal } from './journal.ts'
import { PLUGINS } from './plugins.ts'
import { createS3, type SandboxS3 } from './s3/index.ts'
import { type SeededLatchkey, type SeedOptions, seedLatchkey } from './seed.ts'
import { serve } from './server.ts'
import { awsAccounts } from './state.ts'

/** AWS, small and honest: refuses what AWS refuses, on 127.0.0.1, in one process. */
export interface SandboxAws extends SandboxCore {
  readonly clock: AwsClock
  /** For AWS_ENDPOINT_URL: every service answers on one port. */
  readonly url: string
  readonly s3Url: string
  /** For clients that trust the tests' own authority. */
  secureUrl(): Promise<string>
  /** Requests there come through this VPC endpoint. */
  endpointUrl(endpoint: VpcEndpoint): Promise<string>
  /** Requests there come from that address of this machine (127.0.0.2, …). */
  urlAppearingFrom(address: string): Promise<string>
  /** Behind the back of S3's API. */
  readonly s3: SandboxS3
  /** CloudTrail's records and how EventBridge delivers them. */
  readonly events: SandboxEvents
  /** Sets up what an owner would have set up for Latchkey, in the first account or in another. */
  seedLatchkey(options?: SeedOptions, account?: string): SeededLatchkey
  stop(): Promise<void>
}

export interface AwsOptions {
  readonly port?: number
  readonly account?: string
  readonly region?: string
  /** How far enforcement lags behind a change of inline policies; default 0. */
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
