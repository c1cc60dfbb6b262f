export function doctor(_options: { readonly json?: true }): Promise<void> {
  return Promise.resolve()
}
