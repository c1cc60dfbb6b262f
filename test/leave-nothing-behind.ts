import { afterAll, afterEach, expect, vi } from 'vitest'

/**
 * Test files share processes, one after the other. A file that leaves changes in its process would affect the next file, so it fails
 * here. Variables set with `vi.stubEnv` are restored for it.
 */

const environment = { ...process.env }
const before = state()
const openBefore = countOpen()
let failed = false

afterEach(({ task }) => {
  failed ||= task.result?.state === 'fail'
})

afterAll(async () => {
  vi.unstubAllEnvs()
  // A failed test did not clean up, so what it left proves nothing.
  if (failed) return
  expect(changedVariables()).toEqual([])
  expect(state()).toEqual(before)
  // Closed connections disappear a moment later.
  await vi.waitFor(() => expect(leftOpen()).toEqual([]), { timeout: 20_000 })
})

/** Names only: the values belong to the person who runs the tests. */
function changedVariables(): readonly string[] {
  const names = new Set(Object.keys({ ...environment, ...process.env }))
  return [...names].filter((name) => environment[name] !== process.env[name])
}

function state(): object {
  return {
    folder: process.cwd(),
    umask: process.umask(),
    exitCode: process.exitCode,
    fakeTimers: vi.isFakeTimers(),
    listeners: Object.fromEntries(listeners()),
  }
}

/** Node itself listens for `exit` while it loads a module. */
function listeners(): readonly (readonly [string, number])[] {
  const names = process.eventNames().filter((name) => name !== 'exit')
  return names.map((name) => [String(name), process.listenerCount(name)])
}

/** Servers, connections to Redis (each has a socket) and child processes. */
function countOpen(): ReadonlyMap<string, number> {
  const kinds = process.getActiveResourcesInfo().filter((kind) => /Server|Pipe|Process/.test(kind))
  return new Map(kinds.map((kind) => [kind, kinds.filter((other) => other === kind).length]))
}

function leftOpen(): readonly string[] {
  return [...countOpen()].flatMap(([kind, count]) => (count > (openBefore.get(kind) ?? 0) ? [kind] : []))
}
