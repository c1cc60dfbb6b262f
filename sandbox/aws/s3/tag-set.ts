import { z } from 'zod'
import { parseXml } from './xml.ts'

const TAGGING = z.object({
  // The XML parser returns an empty TagSet as an empty text.
  TagSet: z.union([z.object({ Tag: z.array(z.object({ Key: z.string(), Value: z.string() })) }), z.string()]),
})

/** Reads the body of PutObjectTagging. */
export function tagsIn(body: Buffer): readonly { readonly Key: string; readonly Value: string }[] {
  const { TagSet } = parseXml(body, 'Tagging', TAGGING)
  return typeof TagSet === 'string' ? [] : TagSet.Tag
}

export function readTagging(body: Buffer): ReadonlyMap<string, string> {
  return new Map(tagsIn(body).map(({ Key, Value }) => [Key, Value]))
}
