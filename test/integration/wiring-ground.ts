import { pino } from 'pino'
import { type WiringDesk, wiringDesk } from '../../src/aws/wiring/clients.ts'
import { readIdentities } from '../../src/aws/wiring/identities.ts'
import { type Place, placesOf } from '../../src/aws/wiring/places.ts'
import { applyWiring } from '../../src/aws/wiring/setup.ts'
import { removeWiring } from '../../src/aws/wiring/teardown.ts'
import { type Wanted, wantedAt } from '../../src/aws/wiring/wanted.ts'
import { type Difference, readWiring, wiringDrift } from '../../src/aws/wiring/wiring.ts'
import { parseRules, type Rules } from '../../src/rules/rules-file.ts'
import { type SandboxAws, startAws } from '../sandbox/aws/index.ts'
import type { KeyPair, SeededLatchkey } from '../sandbox/aws/seed.ts'
import { RULES } from '../sandbox/world.ts'
import { type Feed, KEYS, openFeed } from './watch-ground.ts'

const ACCOUNT = '111122223333'

/** The wiring as an administrator makes it, in the sandbox's AWS, towards the real door of the feed. */
export interface Wires {
  readonly aws: SandboxAws
  readonly seeded: SeededLatchkey
  readonly feed: Feed
  readonly rules: Rules
  readonly places: readonly Place[]
  /** Of eu-west-1, where the bucket is. */
  readonly place: Place
  readonly desk: WiringDesk
  desks(place: Place): WiringDesk
  wanted(place?: Place, key?: string | undefined): Promise<Wanted>
  setup(options?: {
    readonly place?: Place
    readonly key?: string
    readonly rotate?: boolean
  }): Promise<readonly Difference[]>
  teardown(): Promise<readonly Difference[]>
  drift(place?: Place): Promise<readonly Difference[]>
  /** What has changed anything in AWS since the last time this was asked. */
  writes(): readonly string[]
  close(): Promise<void>
}

const log = pino({ level: 'silent' })
const READS = /^(Get|List|Describe|Assume|Test)/

export async function openWires(name: string): Promise<Wires> {
  const aws = await startAws({ delivery: { backoffFactor: 0.00001 } })
  const seeded = aws.seedLatchkey()
  enter(aws, seeded.keys.owner)
  const feed = await openFeed(name)
  const publicUrl = await feed.app.listen({ port: 0, host: '127.0.0.1' })
  const rules = parseRules(RULES)
  const places = placesOf(rules, ACCOUNT, 'aws')
  const [place] = places
  if (place === undefined) throw new Error('The rules name no bucket.')
  const desks = (at: Place) => wiringDesk(at.region, log)
  const here = place
  let seen = 0

  async function wanted(at: Place = here, key: string | undefined = KEYS.current): Promise<Wanted> {
    return wantedAt(at, { publicUrl, key, ours: await readIdentities(desks(at), at) })
  }

  return {
    aws,
    seeded,
    feed,
    rules,
    places,
    place,
    desk: desks(place),
    desks,
    wanted,
    async setup({ place: at = place, key = KEYS.current, rotate = false } = {}) {
      const done: Difference[] = []
      const order = { wanted: await wanted(at, key), key, rotate, onDone: (one: Difference) => void done.push(one) }
      await applyWiring(desks(at), order)
      return done
    },
    async teardown() {
      const done: Difference[] = []
      await removeWiring(desks(place), { withRole: true, onDone: (one) => void done.push(one) })
      return done
    },
    drift: async (at = place) => wiringDrift(await wanted(at), await readWiring(desks(at))),
    writes() {
      const entries = aws.journal.entries().slice(seen)
      seen += entries.length
      return entries.filter(({ action }) => !READS.test(action)).map(({ action }) => action)
    },
    async close() {
      await feed.close()
      await aws.stop()
    },
  }
}

/** What the SDK finds in the environment of whoever runs a command. */
export function enter(aws: SandboxAws, keys: KeyPair): void {
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: aws.url,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
  })
}
