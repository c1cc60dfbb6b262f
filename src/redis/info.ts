/** The answer to INFO as a map. CONFIG, which says more, is forbidden on ElastiCache and MemoryDB. */
export type Info = ReadonlyMap<string, string>

export function parseInfo(text: string): Info {
  return new Map(
    text.split('\r\n').flatMap((line) => {
      const colon = line.indexOf(':')
      return colon > 0 ? [[line.slice(0, colon), line.slice(colon + 1)] as const] : []
    }),
  )
}

/** @throws Error when the value is missing or no number */
export function infoNumber(info: Info, name: string): number {
  const value = Number(info.get(name))
  if (Number.isNaN(value))
    throw new Error(`Redis does not say its ${name} in INFO. Latchkey needs Redis 6.2 or Valkey.`)
  return value
}
