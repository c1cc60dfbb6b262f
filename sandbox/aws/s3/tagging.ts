import { AwsError, type Outcome } from '../call.ts'
import { readPayload } from './body.ts'
import { existing, versionHeaders } from './objects.ts'
import { tagsIn } from './tag-set.ts'
import { empty, type ObjectVisit } from './visit.ts'
import { xmlReply } from './xml.ts'

export function getObjectTagging(visit: ObjectVisit): Outcome {
  const { object, versionId } = existing(visit)
  const tags = [...object.tags].map(([Key, Value]) => ({ Key, Value }))
  const headers = versionHeaders(visit, visit.bucket, versionId)
  return { reply: xmlReply('Tagging', { TagSet: { Tag: tags } }, headers) }
}

export function putObjectTagging(visit: ObjectVisit): Outcome {
  const version = existing(visit)
  const tags = tagsIn(readPayload(visit.call.request).body)
  const byKey = new Map(tags.map(({ Key, Value }) => [Key, Value]))
  // At most ten tags; unique keys of 128 and values of 256 characters ("Categorizing your storage using tags").
  const tooLong = tags.some(({ Key, Value }) => Key.length === 0 || Key.length > 128 || Value.length > 256)
  if (tags.length > 10) throw new AwsError('BadRequest', 400, 'Object tags cannot be greater than 10')
  if (byKey.size !== tags.length) {
    throw new AwsError('InvalidTag', 400, 'Cannot provide multiple Tags with the same key')
  }
  if (tooLong) throw new AwsError('InvalidTag', 400, 'The TagKey or TagValue you have provided is invalid')
  visit.store.retag(visit.bucket, version, byKey)
  return empty(200, versionHeaders(visit, visit.bucket, version.versionId))
}

export function deleteObjectTagging(visit: ObjectVisit): Outcome {
  const version = existing(visit)
  visit.store.retag(visit.bucket, version, new Map())
  return empty(204, versionHeaders(visit, visit.bucket, version.versionId))
}
