import { hkdfSync } from 'node:crypto'
import { unsealData } from 'iron-session'
import { PEOPLE } from '../../sandbox/entra/fixture.ts'
import { allCards } from '../cards/all-cards.ts'
import { nodesOf } from '../cards/read-card.ts'
import type { Product } from '../fixtures/product.ts'
import { SIGNED_KINDS } from './frozen-signing.ts'
import { frozenPurpose2 } from './frozen-signing-2.ts'
import { jsonIn, leavesOf, mask } from './mask.ts'
import { readWrites, type Write } from './redis-history.ts'
import { type CliFiles, METRICS_TOKEN } from './story.ts'

/** Every name that is stored or seen outside, found after the story, by kind. */
export type Names = Readonly<Record<string, readonly string[]>>

const PREFIX = '{latchkey}:'
const KINDS = ['request', 'grant', 'deny', 'copy', 'notice']

/** Fields whose values are literals of ours. */
const LITERALS: ReadonlySet<string> = new Set([
  ...['request.status', 'request.levels[]', 'request.principal.driver', 'request.asked[].as'],
  ...['request.reviews[].as', 'request.reviews[].decision'],
  ...['grant.status', 'grant.terms.levels[]', 'grant.terms.principal.driver', 'grant.end.cause', 'grant.unwritten'],
  ...['copy.role', 'copy.shows', 'copy.place.channel', 'copy.place.conversation.conversationType'],
  ...['copy.place.conversation.v', 'notice.notice.kind', 'deny.denied[].unexplained'],
])
const AUDIT_LITERALS: ReadonlySet<string> = new Set([
  ...['actor.kind', 'as', 'code', 'cause', 'found', 'what', 'copies[].channel'],
])

class Found {
  readonly #all = new Map<string, Set<string>>()

  add(kind: string, ...names: readonly string[]): void {
    const set = this.#all.get(kind) ?? new Set()
    for (const name of names) set.add(name)
    this.#all.set(kind, set)
  }

  names(): Names {
    return Object.fromEntries([...this.#all].map(([kind, set]) => [kind, [...set].sort()]))
  }
}

export async function findNames(product: Product, kept: CliFiles): Promise<Names> {
  const found = new Found()
  const writes = await readWrites(product.privateRedis?.dir ?? '')
  const queues = queuesIn(writes)
  found.add('queues', ...queues)
  for (const write of writes) {
    const queue = queues.find((name) => write.key.startsWith(`${PREFIX}${name}:`))
    if (queue === undefined) ofRecord(found, write, product)
    else ofQueue(found, write, queue)
  }
  ofCards(found)
  ofTerminal(found, kept)
  ofAws(found, product)
  await ofMetrics(found, product)
  await ofPages(found, product)
  return found.names()
}

function queuesIn(writes: readonly Write[]): readonly string[] {
  const names = writes.flatMap(({ key }) => /^\{latchkey\}:([^:]+):meta$/.exec(key)?.[1] ?? [])
  return [...new Set(names)]
}

/** The names of BullMQ's own keys are BullMQ's; the names in jobs are ours. */
function ofQueue(found: Found, { type, key, words }: Write, queue: string): void {
  const id = key.slice(`${PREFIX}${queue}:`.length)
  if (type !== 'hash' || !words.includes('data')) return
  const fields = pairsOf(words)
  found.add('jobIds', `${queue}: ${mask(id)}`)
  found.add('jobNames', `${queue}: ${fields.get('name')}`)
  found.add('jobData', ...leavesOf(jsonIn(fields.get('data') ?? '')).map(([path]) => `${queue}: ${path}`))
}

function pairsOf(words: readonly string[]): ReadonlyMap<string, string> {
  return new Map(words.flatMap((word, at) => (at % 2 === 0 ? [[word, words[at + 1] ?? ''] as const] : [])))
}

function ofRecord(found: Found, { type, key, words }: Write, product: Product): void {
  const kind = KINDS.find((one) => key.startsWith(`${PREFIX}${one}:`))
  found.add('redisKeys', `${type} ${mask(key)}`)
  if (kind !== undefined) {
    ofStoredRecord(found, kind, pairsOf(words), product)
    return
  }
  if (type === 'hash')
    found.add('hashFields', ...words.flatMap((word, at) => (at % 2 === 0 ? hashField(key, word) : [])))
  if (type === 'stream') ofStream(found, key, words)
  if (type === 'zset' && key.endsWith(':last')) ofJson(found, 'lastWrite', words.at(-1) ?? '')
}

function hashField(key: string, field: string): readonly string[] {
  const json = jsonIn(field)
  const name = mask(key)
  return json === undefined ? [`${name} ${mask(field)}`] : leavesOf(json).map(([path]) => `${name} (JSON) ${path}`)
}

function ofJson(found: Found, kind: string, text: string): void {
  const json = jsonIn(text)
  if (json !== undefined) found.add(kind, ...leavesOf(json).map(([path]) => path))
}

function ofStoredRecord(found: Found, kind: string, fields: ReadonlyMap<string, string>, product: Product): void {
  const json = jsonIn(fields.get('json') ?? '')
  if (json === undefined) throw new Error(`A record of the kind ${kind} is no JSON.`)
  found.add('recordKinds', kind)
  found.add('hashFields', ...[...fields.keys()].map((field) => `${kind} ${field}`))
  for (const [path, leaf] of leavesOf(json)) {
    const name = `${kind}.${path}`
    found.add('recordFields', name)
    if (LITERALS.has(name)) found.add('recordLiterals', `${name} = ${leaf}`)
    if (name === 'grant.end.by') found.add('recordLiterals', `${name} = ${mask(String(leaf))}`)
  }
  if (!SIGNED_KINDS.includes(kind)) return
  const { APPROVAL_KEY = '' } = product.environment('web')
  const purpose = frozenPurpose2(APPROVAL_KEY, kind, json)
  // Forged by the story itself, directly in Redis.
  if (purpose === undefined && (json.mac === 'forged' || json.reason === 'forged')) return
  found.add('macPurposes', `${kind}: ${purpose ?? 'none that is known'}`)
}

function ofStream(found: Found, key: string, words: readonly string[]): void {
  for (const [field, text] of pairsOf(words)) {
    const stream = key.slice(PREFIX.length)
    found.add('streamFields', `${stream} ${field}`)
    const json = jsonIn(text)
    if (json === undefined) throw new Error(`The stream ${stream} holds what is no JSON.`)
    const leaves = leavesOf(json)
    if (field === 'event') ofAudit(found, String(json.kind), leaves)
    else found.add('streamFields', ...leaves.map(([path]) => `${stream} ${field}.${path}`))
    if (field === 'job') found.add('acts', String(json.act))
    if (field === 'job') found.add('occasions', `${json.act}: ${String(json.occasion).replace(/\d+/, '<n>')}`)
  }
}

function ofAudit(found: Found, kind: string, leaves: readonly (readonly [string, unknown])[]): void {
  found.add('auditKinds', kind)
  for (const [path, leaf] of leaves) {
    // Every kind has an actor.
    found.add('auditFields', path.startsWith('actor.') ? path : `${kind}.${path}`)
    const isLiteral = AUDIT_LITERALS.has(path) || `${kind}.${path}` === 'write.unexplained.reason'
    const name = path === 'actor.kind' ? path : `${kind}.${path}`
    if (isLiteral) found.add('auditLiterals', `${name} = ${mask(String(leaf))}`)
  }
}

function ofCards(found: Found): void {
  for (const { card } of allCards()) {
    for (const { type, verb, data, id, url } of nodesOf(card)) {
      if (type === 'Action.Execute') found.add('cardActions', `${verb}: ${Object.keys(Object(data)).sort().join(', ')}`)
      if (type === 'Action.OpenUrl') found.add('links', `card: ${linkOf(String(url))}`)
      if (String(type).startsWith('Input.')) found.add('cardInputs', String(id))
    }
  }
}

/** The link without its host. */
function linkOf(url: string): string {
  const { pathname, search } = new URL(url)
  return mask(`${pathname}${search}`)
}

function ofTerminal(found: Found, { signIn, awsConfig }: CliFiles): void {
  for (const [file, text] of signIn) {
    found.add('signInFiles', file)
    found.add('signInFields', ...leavesOf(jsonIn(text)).map(([path]) => `${file} ${path}`))
  }
  found.add(
    'awsProfile',
    ...awsConfig
      .split('\n')
      .filter(Boolean)
      .map((line) => mask(line).replace(/(credential_process = ).* (credentials)/, '$1<command> $2')),
  )
}

function ofAws(found: Found, { aws }: Product): void {
  for (const { service, action, parameters } of aws.journal.entries()) {
    const text = (name: string) => mask(String(parameters[name] ?? ''))
    if (action === 'AssumeRole') {
      found.add('sessionNames', text('RoleSessionName'))
      found.add('sessionFields', ...Object.keys(parameters))
      found.add('sessionTags', ...tagsOf(parameters))
    }
    if (/^(Put|Delete)(Role|User)Policy$/.test(action)) {
      found.add('policyNames', `${action} ${text('PolicyName')}`)
      found.add('policySids', ...sidsOf(parameters.PolicyDocument))
    }
    if (service === 'events') found.add('eventBridgeNames', ...eventNames(action, parameters))
  }
}

function tagsOf(parameters: Readonly<Record<string, unknown>>): readonly string[] {
  return [...JSON.stringify(parameters).matchAll(/latchkey:[\w-]+/g)].map(([tag]) => tag)
}

function sidsOf(document: unknown): readonly string[] {
  return [...String(document).matchAll(/"Sid":"([^"]+)"/g)].map(([, sid = '']) => mask(sid))
}

function eventNames(action: string, parameters: Readonly<Record<string, unknown>>): readonly string[] {
  return ['Name', 'Rule'].flatMap((field) =>
    typeof parameters[field] === 'string' ? [`${action} ${field} ${mask(parameters[field])}`] : [],
  )
}

async function ofMetrics(found: Found, { web }: Product): Promise<void> {
  const answer = await fetch(`${web.url}/metrics`, { headers: { authorization: `Bearer ${METRICS_TOKEN}` } })
  for (const line of (await answer.text()).split('\n')) {
    const [, name = '', labels = ''] = /^(latchkey_\w+)(?:\{([^}]*)\})?/.exec(line) ?? []
    const names = [...labels.matchAll(/(\w+)="/g)].map(([, label = '']) => label).sort()
    if (name !== '') found.add('metrics', `${name} ${names.join(', ')}`.trim())
  }
}

/** The pages behind a mail's link: their cookies are opened with keys made from the frozen key text. */
async function ofPages(found: Found, product: Product): Promise<void> {
  const requestId = await product.ask('rita', { reason: 'for the pages' })
  const mail = await product.entra.waitForMail(PEOPLE.max, ({ html }) => html.includes(requestId))
  for (const [, href = ''] of mail.html.matchAll(/href="([^"]+)"/g)) found.add('links', `mail: ${linkOf(href)}`)
  const link = `${product.web.url}/requests/${requestId}`
  const first = await fetch(link, { redirect: 'manual' })
  const leave = first.headers.get('location') ?? ''
  found.add('signInQuery', ...new URL(leave).searchParams.keys())
  const back = await product.entra.signIn(PEOPLE.max, leave)
  found.add('links', `sign-in: ${back.pathname}`)
  const second = await fetch(back, { headers: { cookie: await ofCookies(found, product, first) }, redirect: 'manual' })
  const page = await fetch(link, { headers: { cookie: await ofCookies(found, product, second) } })
  for (const [, tag = '', attributes = ''] of (await page.text()).matchAll(
    /<(form|input|textarea|button)\b([^>]*)>/g,
  )) {
    const said = [...attributes.matchAll(/(name|action|method|type)="([^"]*)"/g)].map(
      ([, name, value = '']) => `${name}=${mask(value)}`,
    )
    const choice = tag === 'button' ? (/ value="([^"]*)"/.exec(attributes)?.[1] ?? '') : ''
    found.add('formFields', `${tag} ${said.sort().join(' ')} ${choice}`.trim())
  }
}

async function ofCookies(found: Found, product: Product, answer: Response): Promise<string> {
  const secret = product.environment('web').LATCHKEY_SECRET ?? ''
  const set = answer.headers.getSetCookie().map((line) => /^([^=]+)=([^;]*)(.*)$/.exec(line) ?? [])
  for (const [, name = '', value = '', attributes = ''] of set) {
    found.add('cookies', `${name}${value === '' ? ' (cleared)' : ''}${attributes}`)
    if (value === '') continue
    const keyText = `latchkey cookie ${name}`
    const password = Buffer.from(hkdfSync('sha256', secret, '', keyText, 32)).toString('hex')
    const content: unknown = await unsealData(value, { password })
    // A cookie that another key sealed opens as nothing.
    const paths = leavesOf(content).flatMap(([path]) => (path === '' ? [] : [path]))
    found.add('cookieKeys', `${name}: ${paths.length > 0 ? keyText : 'none that is known'}`)
    found.add('cookieFields', ...paths.map((path) => `${name}: ${path}`))
  }
  return set.flatMap(([, name, value]) => (value === '' ? [] : [`${name}=${value}`])).join('; ')
}
