/** Port: who people are, today. Every method throws UNAVAILABLE when the directory does not answer in time; absence is an answer. */

/** What a session of a shared role may be named after. */
export const DIRECTORY_ATTRIBUTES = ['mail', 'userPrincipalName', 'mailNickname', 'employeeId'] as const
export type DirectoryAttribute = (typeof DIRECTORY_ATTRIBUTES)[number]

export interface Person {
  /** Entra object id. */
  readonly objectId: string
  readonly tenantId: string
  /** For reading only. */
  readonly name: string
  readonly mail?: string
  /** Those that the directory holds of this person. */
  readonly attributes?: Readonly<Partial<Record<DirectoryAttribute, string>>>
  readonly enabled: boolean
  readonly guest: boolean
}

/** `signal` bounds the whole question: a click has 1.5 s for all of them. */
export interface Directory {
  person(objectId: string, signal?: AbortSignal): Promise<Person | undefined>
  /** Undefined: the person has no manager, or one who is not a person. */
  managerOf(objectId: string, signal?: AbortSignal): Promise<Person | undefined>
  /** Which of `groupIds` the person is in, nested groups included. */
  groupsOf(objectId: string, groupIds: readonly string[], signal?: AbortSignal): Promise<ReadonlySet<string>>
  /** People in the group, nested groups included. */
  membersOf(groupId: string, signal?: AbortSignal): Promise<readonly Person[]>
  /** Object ids of the accounts with this value, case aside; disabled ones and guests are accounts too. Two at most: that there are several is enough. */
  idsWith(attribute: DirectoryAttribute, value: string, signal?: AbortSignal): Promise<readonly string[]>
}
