interface Numbered {
  readonly elevationRole: string
  /** Itself included. */
  readonly copies: number
}

/** Path and name of the elevation role and of its numbered copies. @example latchkey/prod, latchkey/prod-2, latchkey/prod-3 */
export function elevationRoles({ elevationRole, copies }: Numbered): readonly string[] {
  return Array.from({ length: copies }, (_, index) => (index === 0 ? elevationRole : `${elevationRole}-${index + 1}`))
}
