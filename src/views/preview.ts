import { z } from 'zod'
import type { Conditions } from '../rules/conditions.ts'
import type { AskableLevel } from '../rules/levels.ts'
import { durationWords, inWords } from './words.ts'

/** What a grant allows, said before it is given. From scopes, levels and conditions alone: a policy that was written wrong must not explain itself. */
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
  /** Canonical, as `s3://bucket/prefix/`. */
  readonly scopes: readonly string[]
  readonly levels: readonly string[]
  readonly conditions?: Conditions | undefined
}

/** One thing that somebody may want to do. It is either allowed in every scope that it is about, or in none. */
export interface PreviewLine {
  readonly can: boolean
  readonly what: string
  /** `names`: of the scopes that are prefixes. */
  readonly on: 'objects' | 'names'
  /** What S3 calls it. */
  readonly actions: readonly string[]
}

type Deed = Pick<PreviewLine, 'what' | 'actions'> & {
  /** What allows it; undefined: nothing that can be asked for. */
  readonly level: AskableLevel | undefined
  /** What cannot be done without that level, where others can do a part of it. */
  readonly without?: string
  /** A level that comes to the same: with it nobody is told that this cannot be done. */
  readonly alsoBy?: AskableLevel
}

const SEE_NAMES = { what: 'see names', on: 'names', actions: ['s3:ListBucket'] } as const

const DEEDS: readonly Deed[] = [
  { what: 'download', level: 'read', alsoBy: 'purge', actions: ['s3:GetObject'] },
  { what: 'upload', level: 'write', actions: ['s3:PutObject', 's3:AbortMultipartUpload'] },
  { what: 'overwrite', level: 'write', actions: ['s3:PutObject'] },
  { what: 'delete', level: 'delete', alsoBy: 'purge', actions: ['s3:DeleteObject'] },
  // The present object has a version id as well; where a bucket keeps no versions it is `null`.
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

export function previewLines({ scopes, levels }: Previewed): readonly PreviewLine[] {
  const has = (level: AskableLevel | undefined) => level !== undefined && levels.includes(level)
  const deeds = DEEDS.filter(({ level, alsoBy }) => has(level) || !has(alsoBy)).map((deed) => {
    const { level, what, without = what, actions } = deed
    return { what: has(level) ? what : without, on: 'objects', actions, can: has(level) } as const
  })
  const isListed = scopes.some((scope) => scope.endsWith('/')) && deeds.some(({ can }) => can)
  return [{ ...SEE_NAMES, can: isListed }, ...deeds]
}

/** @param time How long, or until when: as `for 45 minutes`. */
export function previewOf(previewed: Previewed, time: string): Preview {
  const lines = previewLines(previewed)
  const can = lines.filter((line) => line.can).map(({ what }) => what)
  const cannot = lines.filter((line) => !line.can).map(({ what }) => what)
  const only = onlyIf(previewed.conditions ?? {})
  const parts = [
    `Can ${inWords(can)} ${whereOf(previewed.scopes)}`,
    ...(only.length === 0 ? [] : [`only ${inWords(only)}`]),
    `cannot ${inWords(cannot, 'or')}`,
    time,
  ]
  return { sentence: `${parts.join('; ')}.`, can, cannot, only }
}

/** A request has no time of its own: it begins when somebody says yes. */
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
