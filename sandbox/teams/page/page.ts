import { readFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { build } from 'esbuild'
import { z } from 'zod'
import { PROJECT } from '../../project.ts'
import type { Activities } from '../activities.ts'
import type { Apps } from '../apps.ts'
import type { SentMessage, Where } from '../client.ts'
import type { Delivery } from '../delivery.ts'
import type { Invoke } from '../invoke.ts'
import type { Message, Messages } from '../messages.ts'
import type { Roster, TeamsPerson } from '../roster.ts'
import { pageHtml } from './html.ts'
import type { Snapshot, WireEvent, WireMessage, WirePerson } from './wire.ts'

/** The web page of the sandbox's Teams: several people side by side, live. */

const FOLDER = join(PROJECT, 'sandbox/teams/page')
/** No other origin and no inline script. The card renderer sets styles by script, which this policy allows. */
const CONTENT_SECURITY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  'img-src data: https:',
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

const bodies = {
  say: z.object({ text: z.string().min(1), where: z.enum(['personal', 'channel']), thread: z.string().optional() }),
  invoke: z.object({
    activityId: z.string(),
    trigger: z.enum(['manual', 'automatic']),
    action: z.object({
      id: z.string().optional(),
      title: z.string().optional(),
      verb: z.string(),
      data: z.record(z.string(), z.unknown()),
    }),
  }),
  submit: z.object({ activityId: z.string(), data: z.record(z.string(), z.unknown()) }),
}

export interface TeamsPage {
  handle(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void>
  close(): void
}

export function createPage(setup: {
  readonly roster: Roster
  readonly messages: Messages
  readonly apps: Apps
  readonly activities: Activities
  readonly delivery: Delivery
  readonly invoke: Invoke
  readonly say: (person: TeamsPerson, text: string, where: Where, thread?: string) => Promise<SentMessage>
  readonly openConversation: (person: TeamsPerson, where: Where) => Promise<void>
  /** @throws when the person has no such message */
  readonly messageFor: (person: TeamsPerson, activityId: string) => Message
}): TeamsPage {
  const { roster, messages, apps, messageFor } = setup
  const streams = new Set<ServerResponse>()
  let script: Promise<string> | undefined

  function peopleOf(url: URL): readonly TeamsPerson[] {
    const names = url.searchParams.get('people')?.split(',') ?? ['rita', 'max']
    return [...new Set(names.flatMap((name) => roster.find(name) ?? []))]
  }

  function wirePerson(person: TeamsPerson): WirePerson {
    const { objectId, id, name, jobTitle } = person
    return { objectId, id, name, jobTitle, app: apps.state(person) }
  }

  function wireMessage(message: Message): WireMessage {
    const fromName = message.from === 'bot' ? roster.botName : roster.person(message.from).name
    return { ...message, fromName }
  }

  function snapshot(people: readonly TeamsPerson[]): Snapshot {
    const stored = [...people.flatMap(({ objectId }) => messages.inPersonal(objectId)), ...messages.inChannel()]
    return {
      botName: roster.botName,
      teamName: roster.team.name,
      channelName: roster.channel.name,
      members: roster.people().length,
      people: people.map(wirePerson),
      messages: stored.map(wireMessage),
    }
  }

  function stream(people: readonly TeamsPerson[], response: ServerResponse): void {
    const send = (event: WireEvent) => response.write(`data: ${JSON.stringify(event)}\n\n`)
    const here = new Set(people.map(({ objectId }) => objectId))
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    send({ type: 'snapshot', snapshot: snapshot(people) })
    const ends = [
      messages.subscribe((message) => {
        if (message.postedIn.kind === 'personal' && !here.has(message.postedIn.owner)) return
        send({ type: 'message', message: wireMessage(message) })
      }),
      apps.subscribe(({ objectId }, app) => here.has(objectId) && send({ type: 'app', objectId, app })),
    ]
    streams.add(response)
    response.on('close', () => {
      streams.delete(response)
      for (const end of ends) end()
    })
    for (const person of people) {
      void setup.openConversation(person, 'personal')
      void setup.openConversation(person, 'channel')
    }
  }

  const acts: Readonly<Record<string, (person: TeamsPerson, body: unknown) => Promise<object>>> = {
    async say(person, body) {
      const { text, where, thread } = bodies.say.parse(body)
      const { id, status } = await setup.say(person, text, where, thread)
      return { id, ...(status === undefined ? {} : { status }) }
    },
    async invoke(person, body) {
      const { activityId, action, trigger } = bodies.invoke.parse(body)
      return setup.invoke(person, messageFor(person, activityId), { type: 'Action.Execute', ...action }, trigger)
    },
    async submit(person, body) {
      const { activityId, data } = bodies.submit.parse(body)
      const activity = setup.activities.submit(messageFor(person, activityId), person, data)
      const { status } = await setup.delivery.deliver(activity, { facts: { person: person.objectId, activityId } })
      return { status }
    },
    async install(person) {
      await apps.install(person)
      return {}
    },
    async uninstall(person) {
      await apps.uninstall(person)
      return {}
    },
    async block(person) {
      apps.block(person)
      return {}
    },
    async unblock(person) {
      apps.unblock(person)
      return {}
    },
  }

  function send(response: ServerResponse, status: number, type: string, body: string): void {
    response.writeHead(status, {
      'content-type': `${type}; charset=utf-8`,
      'content-security-policy': CONTENT_SECURITY,
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    })
    response.end(body)
  }

  async function act(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const [, who = '', what = ''] = /^\/people\/([^/]+)\/([a-z]+)$/.exec(url.pathname) ?? []
    const person = roster.find(decodeURIComponent(who))
    const found = Object.hasOwn(acts, what) ? acts[what] : undefined
    // Another site's form cannot send this type without a CORS preflight.
    const fromPage = request.headers['content-type'] === 'application/json'
    if (person === undefined || found === undefined || !fromPage) return send(response, 404, 'text/plain', 'Not found')
    const answer = await found(person, await json(request))
    send(response, 200, 'application/json', JSON.stringify(answer))
  }

  return {
    async handle(request, response, url) {
      if (request.method === 'POST') return act(request, response, url)
      if (request.method !== 'GET') return send(response, 405, 'text/plain', 'Method not allowed')
      if (url.pathname === '/events') return stream(peopleOf(url), response)
      if (url.pathname === '/') return send(response, 200, 'text/html', pageHtml(roster, peopleOf(url)))
      if (url.pathname === '/page.css') {
        return send(response, 200, 'text/css', await readFile(join(FOLDER, 'page.css'), 'utf8'))
      }
      if (url.pathname === '/page.js') {
        script ??= bundle()
        return send(response, 200, 'text/javascript', await script)
      }
      send(response, 404, 'text/plain', 'Not found')
    },
    close() {
      for (const response of streams) response.end()
    },
  }
}

/** Bundles the script in memory, with Microsoft's card renderer, so that the page loads nothing from elsewhere. */
async function bundle(): Promise<string> {
  const result = await build({
    entryPoints: [join(FOLDER, 'browser.ts')],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    legalComments: 'inline',
    logLevel: 'silent',
  })
  return result.outputFiles[0]?.text ?? ''
}
