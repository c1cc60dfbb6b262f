import type { Account } from './rules-file.ts'

/** Path and name of the elevation role and of its numbered copies. @example latchkey/prod, latchkey/prod-2, latchkey/prod-3 */
export function elevationRoles({
  elevationRole,
  copies,
}: Pick<Account, 'elevationRole' | 'copies'>): readonly string[] {
  return Array.from({ length: copies }, (_, index) => (index === 0 ? elevationRole : `${elevationRole}-${index + 1}`))
}
