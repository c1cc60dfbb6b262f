import { parseJson } from '../../policies/parse-json.ts'
import { canonicalJson } from '../../rules/file/canonical-json.ts'

/** Whether a JSON text from AWS equals the desired value. White space and the order of keys do not matter. */
export function isSameJson(text: string, desired: object): boolean {
  return canonicalJson(parseJson(text)) === canonicalJson(desired)
}
