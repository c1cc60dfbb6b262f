interface Payload {
  readonly uid?: string
  readonly grantId?: string
  consumed?: number
}

interface Entry {
  readonly payload: Payload
  readonly expiresAt: number
}

/** The storage of the OpenID provider library, in memory. */
export function memoryAdapter() {
  const entries = new Map<string, Entry>()

  function find(key: string): Payload | undefined {
    const entry = entries.get(key)
    return entry !== undefined && entry.expiresAt > Date.now() ? entry.payload : undefined
  }

  return function adapterOf(model: string) {
    const keyOf = (id: string) => `${model}:${id}`
    return {
      async upsert(id: string, payload: Payload, expiresInSeconds = Number.POSITIVE_INFINITY) {
        entries.set(keyOf(id), { payload, expiresAt: Date.now() + expiresInSeconds * 1_000 })
      },
      find: async (id: string) => find(keyOf(id)),
      findByUid: async (uid: string) =>
        [...entries.keys()]
          .filter((key) => key.startsWith(`${model}:`))
          .map(find)
          .find((payload) => payload?.uid === uid),
      findByUserCode: async () => undefined,
      async consume(id: string) {
        const payload = find(keyOf(id))
        if (payload) payload.consumed = Math.floor(Date.now() / 1_000)
      },
      async destroy(id: string) {
        entries.delete(keyOf(id))
      },
      async revokeByGrantId(grantId: string) {
        for (const [key, { payload }] of entries) if (payload.grantId === grantId) entries.delete(key)
      },
    }
  }
}

export type MemoryAdapter = ReturnType<typeof memoryAdapter>
