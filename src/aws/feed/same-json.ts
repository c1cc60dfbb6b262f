import { parseJson } from '../../policies/parse-json.ts'
import { canonicalJson } from '../../rules/file/canonical-json.ts'

/** Whether a text that AWS holds says what we would write; layout and the order of keys say nothing. */
export function isSameJson(text: string, wanted: object): boolean {
  return canonicalJson(parseJson(text)) === canonicalJson(wanted)
}
