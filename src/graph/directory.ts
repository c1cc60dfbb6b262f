import { z } from 'zod'
import type { Directory, DirectoryAttribute, Person } from '../rules/directory.ts'
import { ask, type Log } from './call-graph.ts'
import { type GraphApi, type GraphOptions, graphApi } from './client.ts'
import { PERSON_FIELDS, parseAccountIds, parseIds, parseManager, parsePage, parsePerson } from './parse-answers.ts'

/** `checkMemberGroups` takes at most 20 groups. */
const MAX_GROUPS_PER_CALL = 20
const PAGE_SIZE = 999
/** `Directory.idsWith` returns at most this many ids. */
const MAX_IDS = 2

/**
 * Only an object id identifies a person for good. Graph would also take a sign-in name, so other texts are refused
 * here.
 */
const isObjectId = (id: string) => z.guid().safeParse(id).success

/**
 * The directory in Graph, without a cache. Needs the application permissions User.Read.All and GroupMember.Read.All.
 */
export function graphDirectory(options: GraphOptions & { readonly log?: Log }): Directory {
  const api = graphApi(options)
  const { tenantId, log } = options

  async function person(objectId: string, signal?: AbortSignal): Promise<Person | undefined> {
    if (!isObjectId(objectId)) return undefined
    return ask(
      async (limit) => parsePerson(await api(`/users/${objectId}`, limit).select(PERSON_FIELDS).get(), tenantId),
      signal,
      log,
    )
  }

  /**
   * Graph gives one answer for "no manager" and "no such person", so a second call finds out. The second case is
   * logged.
   */
  async function managerOf(objectId: string, signal?: AbortSignal): Promise<Person | undefined> {
    if (!isObjectId(objectId)) return undefined
    const answer = await ask(
      async (limit) => ({ manager: parseManager(await readManager(api, objectId, limit), tenantId) }),
      signal,
      log,
    )
    if (answer !== undefined) return answer.manager
    if ((await person(objectId, signal)) === undefined) log?.warn({ objectId }, 'asked for the manager of nobody')
    return undefined
  }

  async function groupsOf(objectId: string, groupIds: readonly string[], signal?: AbortSignal) {
    const validIds = isObjectId(objectId) ? groupIds.filter(isObjectId) : []
    const answers = await Promise.all(
      chunks(validIds, MAX_GROUPS_PER_CALL).map((chunk) =>
        ask(async (limit) => parseIds(await checkMemberGroups(api, objectId, chunk, limit)), signal, log),
      ),
    )
    const memberOf = new Set(answers.flatMap((ids) => ids ?? []).map((id) => id.toLowerCase()))
    return new Set(groupIds.filter((id) => memberOf.has(id.toLowerCase())))
  }

  async function membersOf(groupId: string, signal?: AbortSignal): Promise<readonly Person[]> {
    if (!isObjectId(groupId)) return []
    const people = await ask((limit) => readMembers(api, groupId, tenantId, limit), signal, log)
    if (people === undefined) log?.warn({ groupId }, 'asked for the members of a group that is not there')
    return people ?? []
  }

  return { person, managerOf, groupsOf, membersOf, idsWith: idsWith(api, log) }
}

function idsWith(api: GraphApi, log: Log | undefined): Directory['idsWith'] {
  return async (attribute, value, signal) =>
    (await ask((limit) => readIdsWith(api, attribute, value, limit), signal, log)) ?? []
}

async function readManager(api: GraphApi, objectId: string, limit: AbortSignal): Promise<unknown> {
  return api(`/users/${objectId}/manager`, limit).select(PERSON_FIELDS).get()
}

async function checkMemberGroups(api: GraphApi, objectId: string, groupIds: readonly string[], limit: AbortSignal) {
  return api(`/users/${objectId}/checkMemberGroups`, limit).post({ groupIds })
}

/**
 * The cast to users is an "advanced query", which needs `$count` and eventual consistency. A list that is a minute old
 * is good enough to send requests; who may decide is read by `groupsOf`.
 */
async function readMembers(api: GraphApi, groupId: string, tenantId: string, limit: AbortSignal) {
  const people: Person[] = []
  let next: string | undefined =
    `/groups/${groupId}/transitiveMembers/microsoft.graph.user?$count=true&$top=${PAGE_SIZE}&$select=${PERSON_FIELDS.join(',')}`
  while (next !== undefined) {
    const page = parsePage(await api(next, limit).header('ConsistencyLevel', 'eventual').get(), tenantId)
    people.push(...page.people)
    next = page.next
  }
  return people
}

/** Uses no "advanced query", whose index lags behind changes. All `DIRECTORY_ATTRIBUTES` can be filtered without it. */
async function readIdsWith(api: GraphApi, attribute: DirectoryAttribute, value: string, limit: AbortSignal) {
  const ids: string[] = []
  const filter = encodeURIComponent(`${attribute} eq '${value.replaceAll("'", "''")}'`)
  let next: string | undefined = `/users?$filter=${filter}&$select=id&$top=${MAX_IDS}`
  while (next !== undefined && ids.length < MAX_IDS) {
    const page = parseAccountIds(await api(next, limit).get())
    ids.push(...page.ids)
    next = page.next
  }
  return ids.slice(0, MAX_IDS)
}

function chunks<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  )
}
