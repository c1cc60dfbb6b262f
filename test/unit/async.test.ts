import { describe, expect, test } from 'vitest'
import { remember, runIfRoom, settleAll } from '../../src/async.ts'

/** Answers when it is told to. */
function held() {
  const release: (() => void)[] = []
  return { release, wait: () => new Promise<void>((resolve) => release.push(resolve)) }
}

const turnOfTheLoop = () => new Promise<void>((resolve) => setImmediate(resolve))

describe('settleAll', () => {
  test('acts on the others when one fails, and then throws its error', async () => {
    const done: number[] = []
    const acting = settleAll([1, 2, 3], async (one) => {
      if (one === 1) throw new Error('the first')
      done.push(one)
    })
    await expect(acting).rejects.toThrow('the first')
    expect(done).toEqual([2, 3])
  })

  test('acts on so many at a time, and answers in their order', async () => {
    const { release, wait } = held()
    const answers = settleAll([1, 2, 3], async (one) => wait().then(() => one * 10), 2)
    await turnOfTheLoop()
    expect(release).toHaveLength(2)
    release[1]?.()
    await turnOfTheLoop()
    expect(release).toHaveLength(3)
    release[0]?.()
    release[2]?.()
    expect(await answers).toEqual([10, 20, 30])
  })
})

describe('remember', () => {
  test('asks once for all who come, and keeps the answer', async () => {
    let asked = 0
    const answer = remember(async () => (asked += 1))
    expect(await Promise.all([answer(), answer()])).toEqual([1, 1])
    expect(await answer()).toBe(1)
  })

  test('keeps no failure', async () => {
    let asked = 0
    const answer = remember(async () => {
      asked += 1
      if (asked === 1) throw new Error('away')
      return asked
    })
    await expect(answer()).rejects.toThrow('away')
    expect(await answer()).toBe(2)
  })

  test('asks again, once, when the answer is no longer fresh', async () => {
    let asked = 0
    const answer = remember(
      async () => (asked += 1),
      (one) => one > 1,
    )
    expect(await answer()).toBe(1)
    expect(await Promise.all([answer(), answer()])).toEqual([2, 2])
  })
})

test('runIfRoom refuses what is too much of one key until there is room again', async () => {
  const { release, wait } = held()
  const run = runIfRoom(1)
  const first = run('a', wait)
  expect(await run('a', async () => 'second')).toBe('full')
  expect(await run('b', async () => 'of another key')).toBe('of another key')
  release[0]?.()
  await first
  expect(await run('a', async () => 'third')).toBe('third')
})
