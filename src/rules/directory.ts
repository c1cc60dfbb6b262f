/**
 * Port: the directory of people and groups. Every method throws UNAVAILABLE when the directory does not answer in time;
 * a missing person or group is a normal answer.
 */

/** Attributes of a person that can be the name of their session in a shared role. */
export const DIRECTORY_ATTRIBUTES = ['mail', 'userPrincipalName', 'mailNickname', 'employeeId'] as const
export type DirectoryAttribute = (typeof DIRECTORY_ATTRIBUTES)[number]

export interface Person {
  /** Entra object id. */
  readonly objectId: string
  readonly tenantId: string
  /** For display only; it does not identify the person. */
  readonly name: string
  readonly mail?: string
  /** Only attributes that the directory has for this person. */
  readonly attributes?: Readonly<Partial<Record<DirectoryAttribute, string>>>
  readonly enabled: boolean
  readonly guest: boolean
}

/** `signal` limits the whole call, with its retries: a click has 1.5 s for all calls together. */
export interface Directory {
  person(objectId: string, signal?: AbortSignal): Promise<Person | undefined>
  /** Undefined: the person has no manager, or the manager is no person (Graph allows contacts too). */
  managerOf(objectId: string, signal?: AbortSignal): Promise<Person | undefined>
  /** The ids of `groupIds` of which the person is a member, directly or through nested groups. */
  groupsOf(objectId: string, groupIds: readonly string[], signal?: AbortSignal): Promise<ReadonlySet<string>>
  /** People in the group and in its nested groups. */
  membersOf(groupId: string, signal?: AbortSignal): Promise<readonly Person[]>
  /**
   * Object ids of accounts whose attribute has this value, ignoring case; disabled accounts and guests are included. It
   * returns at most two ids, because callers only need to know whether there are several.
   */
  idsWith(attribute: DirectoryAttribute, value: string, signal?: AbortSignal): Promise<readonly string[]>
}
