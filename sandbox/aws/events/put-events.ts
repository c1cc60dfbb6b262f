import { randomUUID } from 'node:crypto'
import { isoSeconds } from '../clock.ts'
import type { Input } from './calls.ts'
import { type EventsCall, mustAllow } from './events-call.ts'
import { isObject, type Json, type JsonObject } from './json.ts'

type Entry = Input<'PutEvents'>['Entries'][number]

/** Checks each entry separately. A bad entry does not fail the call. */
export function putEvents(eventsCall: EventsCall, { Entries }: Input<'PutEvents'>): JsonObject {
  const sources = [...new Set(Entries.flatMap(({ Source }) => (Source === undefined ? [] : [Source])))]
  mustAllow(eventsCall, 'events:PutEvents', `${eventsCall.arnStart}event-bus/default`, { 'events:source': sources })
  const results = Entries.map((entry) => put(eventsCall, entry))
  return { FailedEntryCount: results.filter((one) => 'ErrorCode' in one).length, Entries: results }
}

function put(eventsCall: EventsCall, entry: Entry): JsonObject {
  const { Source, DetailType, Detail, Resources = [], EventBusName = 'default' } = entry
  if (Source === undefined)
    return refused('InvalidArgument', 'Parameter Source is not valid. Reason: Source is a required argument.')
  if (DetailType === undefined) {
    return refused('InvalidArgument', 'Parameter DetailType is not valid. Reason: DetailType is a required argument.')
  }
  if (/^aws\./i.test(Source)) return refused('NotAuthorizedForSourceException', `Not authorized for the source.`)
  const detail = parseDetail(Detail)
  if (detail === undefined) return refused('MalformedDetail', 'Detail is malformed.')
  // An event for an unknown bus is lost, and AWS answers with an id all the same.
  const id = randomUUID()
  if (EventBusName !== 'default') return { EventId: id }
  const { account } = eventsCall.core.state
  const time = isoSeconds(eventsCall.core.clock.now())
  const origin = { account, time, region: eventsCall.bus.region, resources: Resources }
  eventsCall.publish({ version: '0', id, 'detail-type': DetailType, source: Source, ...origin, detail })
  return { EventId: id }
}

function refused(ErrorCode: string, ErrorMessage: string): JsonObject {
  return { ErrorCode, ErrorMessage }
}

function parseDetail(text: string | undefined): JsonObject | undefined {
  try {
    const detail: Json = JSON.parse(text ?? '')
    return isObject(detail) ? detail : undefined
  } catch {
    // The detail is not JSON; the caller then answers MalformedDetail, as AWS does.
    return undefined
  }
}
