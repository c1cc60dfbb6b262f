import { z } from 'zod'
import type { Conditions } from '../rules/conditions.ts'
import type { AskableLevel } from '../rules/levels.ts'
import { durationWords, inWords } from './words.ts'

/**
 * What a grant would allow, in words, before it is approved. It is made from scopes, levels and conditions, never from
 * the IAM policy: a mistake in the policy must not change the preview.
 */
export const previewSchema = z
  .strictObject({
    /** @example "Can see names, upload and overwrite under s3://finance-reports/2026/; cannot download, delete, …; for 45 minutes." */
    sentence: z.string(),
    can: z.array(z.string()).readonly(),
    cannot: z.array(z.string()).readonly(),
    /** Empty: nothing. */
    only: z
      .array(z.string())
      .readonly()
      .meta({ description: 'What each request to AWS, or the sign-in behind it, must meet' }),
  })
  .meta({ id: 'Preview', description: 'What it allows and what not, in words' })

export type Preview = Readonly<z.infer<typeof previewSchema>>

export interface Previewed {
  /** Canonical, for example `s3://bucket/prefix/`. */
  readonly scopes: readonly string[]
  readonly levels: readonly string[]
  readonly conditions?: Conditions | undefined
}

/** One operation on S3. It is allowed in every scope or in none. */
export interface PreviewLine {
  readonly can: boolean
  readonly what: string
  /** `names`: the line is about object names, which only scopes that are prefixes have. */
  readonly on: 'objects' | 'names'
  /** The S3 actions of the operation. */
  readonly actions: readonly string[]
}

type Operation = Pick<PreviewLine, 'what' | 'actions'> & {
  /** The level that allows it. Undefined: no level that people can ask for. */
  readonly level: AskableLevel | undefined
  /** Replaces `what` under "cannot" where other levels allow some of the operation. */
  readonly without?: string
  /** Another level with the same effect. With it the operation is not listed under "cannot". */
  readonly alsoBy?: AskableLevel
}

const SEE_NAMES = { what: 'see names', on: 'names', actions: ['s3:ListBucket'] } as const

const OPERATIONS: readonly Operation[] = [
  { what: 'download', level: 'read', alsoBy: 'purge', actions: ['s3:GetObject'] },
  { what: 'upload', level: 'write', actions: ['s3:PutObject', 's3:AbortMultipartUpload'] },
  { what: 'overwrite', level: 'write', actions: ['s3:PutObject'] },
  { what: 'delete', level: 'delete', alsoBy: 'purge', actions: ['s3:DeleteObject'] },
  // Version actions reach the current object too: it has a version id, which is `null` in a bucket without versioning.
  {
    what: 'read any version (the present one too)',
    without: 'read old versions',
    level: 'purge',
    actions: ['s3:GetObjectVersion'],
  },
  {
    what: 'erase any version for good (the present one too)',
    without: 'erase old versions',
    level: 'purge',
    actions: ['s3:DeleteObjectVersion'],
  },
  { what: 'change tags', level: 'tag', actions: ['s3:PutObjectTagging', 's3:DeleteObjectTagging'] },
  { what: 'share objects', level: undefined, actions: ['s3:PutObjectAcl', 's3:PutObjectVersionAcl'] },
]

/** One line for each operation, allowed or not. */
export function previewLines({ scopes, levels }: Previewed): readonly PreviewLine[] {
  const has = (level: AskableLevel | undefined) => level !== undefined && levels.includes(level)
  const operations = OPERATIONS.filter(({ level, alsoBy }) => has(level) || !has(alsoBy)).map((operation) => {
    const { level, what, without = what, actions } = operation
    return { what: has(level) ? what : without, on: 'objects', actions, can: has(level) } as const
  })
  const isListed = scopes.some((scope) => scope.endsWith('/')) && operations.some(({ can }) => can)
  return [{ ...SEE_NAMES, can: isListed }, ...operations]
}

/** @param time How long, or until when: for example `for 45 minutes` */
export function previewOf(previewed: Previewed, time: string): Preview {
  const lines = previewLines(previewed)
  const can = lines.filter((line) => line.can).map(({ what }) => what)
  const cannot = lines.filter((line) => !line.can).map(({ what }) => what)
  const only = onlyIf(previewed.conditions ?? {})
  const clauses = [
    `Can ${inWords(can)} ${whereOf(previewed.scopes)}`,
    ...(only.length === 0 ? [] : [`only ${inWords(only)}`]),
    `cannot ${inWords(cannot, 'or')}`,
    time,
  ]
  return { sentence: `${clauses.join('; ')}.`, can, cannot, only }
}

/** The `time` in the preview of a request. It names no end, because the duration begins with the approval. */
export function forMinutes(durationMinutes: number): string {
  return `for ${durationWords(durationMinutes)}`
}

function onlyIf({ sourceIps, vpcEndpoints, objectTag, mfa }: Conditions): readonly string[] {
  return [
    ...(sourceIps ? [`from ${inWords(sourceIps, 'or')}`] : []),
    ...(vpcEndpoints ? [`through ${inWords(vpcEndpoints, 'or')}`] : []),
    ...(objectTag ? [`objects with the tag ${objectTag.key}=${objectTag.value}`] : []),
    ...(mfa ? ['after a sign-in with a second factor'] : []),
  ]
}

function whereOf(scopes: readonly string[]): string {
  const [only = '', ...others] = scopes
  if (others.length > 0) return `in ${inWords(scopes)}`
  return `${only.endsWith('/') ? 'under' : 'on'} ${only}`
}
