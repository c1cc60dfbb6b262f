import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type IamWriteQueue, iamWriteQueue } from '../../../src/aws/iam-write-queue.ts'
import type { Urgency } from '../../../src/grants/driver.ts'

/** An error as the SDK throws it. */
function sdkError(name: string, status?: number): Error {
  const error = Object.assign(new Error(name), { $metadata: status === undefined ? {} : { httpStatusCode: status } })
  error.name = name
  return error
}

describe('writes to IAM in one account', () => {
  let lane: IamWriteQueue
  const started: string[] = []
  const open = new Map<string, (error?: Error) => void>()

  beforeEach(() => {
    lane = iamWriteQueue()
    started.length = 0
    open.clear()
  })
  afterEach(() => void vi.restoreAllMocks())

  /** A write that stays in progress until `answer` is called. */
  function write(name: string, urgency: Urgency): Promise<string> {
    return lane.write(urgency, () => {
      started.push(name)
      return new Promise((resolve, reject) => {
        open.set(name, (error) => (error ? reject(error) : resolve(name)))
      })
    })
  }

  async function answer(name: string, error?: Error): Promise<void> {
    open.get(name)?.(error)
    await turn()
  }

  it('an early revoke waits for nothing lower, however much of it is waiting or under way', async () => {
    const tidyings = Array.from({ length: 1_000 }, (_, n) => write(`tidy-${n}`, 'tidying'))
    const activation = write('activate', 'activation')
    const revoke = write('revoke', 'early-revoke')
    await turn()
    expect(started).toEqual(['tidy-0', 'activate', 'revoke'])
    for (const name of ['revoke', 'activate', 'tidy-0']) await answer(name)
    await Promise.all([activation, revoke, tidyings[0]])
    expect(started.at(-1)).toBe('tidy-1')
  })

  it('what is lower waits while a higher one is under way or waiting', async () => {
    void write('revoke-1', 'early-revoke')
    void write('revoke-2', 'early-revoke')
    void write('activate', 'activation')
    void write('tidy', 'tidying')
    await turn()
    expect(started).toEqual(['revoke-1'])
    await answer('revoke-1')
    expect(started).toEqual(['revoke-1', 'revoke-2'])
    await answer('revoke-2')
    expect(started).toEqual(['revoke-1', 'revoke-2', 'activate'])
    await answer('activate')
    expect(started).toEqual(['revoke-1', 'revoke-2', 'activate', 'tidy'])
  })

  it('within a class each has its turn in the order in which they came, though one of them is repeated', async () => {
    const first = write('first', 'tidying')
    void write('second', 'tidying')
    await turn()
    await answer('first', sdkError('ConcurrentModification', 409))
    await vi.waitUntil(() => started.length === 2)
    expect(started).toEqual(['first', 'first'])
    await answer('first')
    await first
    expect(started).toEqual(['first', 'first', 'second'])
  })

  it('what AWS throttles is repeated after a pause of its own length each time, and what is lower waits it out', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0)
    const throttled = write('activate', 'activation')
    void write('tidy', 'tidying')
    await turn()
    await answer('activate', sdkError('Throttling', 400))
    expect(started).toEqual(['activate'])
    const revoke = write('revoke', 'early-revoke')
    await turn()
    expect(started).toEqual(['activate', 'revoke'])
    await answer('revoke')
    await revoke
    await vi.waitUntil(() => started.length === 3)
    expect(started.at(-1)).toBe('activate')
    await answer('activate')
    await throttled
    expect(started.at(-1)).toBe('tidy')
  })

  it('what is throttled to the last is given back to its caller, and what is lower still gets its turn', async () => {
    const refused = lane.write('activation', () => Promise.reject(sdkError('Throttling', 400)))
    const lower = lane.write('tidying', () => Promise.resolve('done'))
    await expect(refused).rejects.toThrow('Throttling')
    expect(await lower).toBe('done')
  })

  it.each([
    ['a quota', sdkError('LimitExceeded', 409)],
    ['a refusal', sdkError('AccessDenied', 403)],
    ['a fault of our own', new TypeError('x')],
  ])('%s is not repeated, and holds nobody up', async (_, error) => {
    const call = vi.fn(() => Promise.reject(error))
    await expect(lane.write('early-revoke', call)).rejects.toBe(error)
    expect(call).toHaveBeenCalledTimes(1)
    expect(await lane.write('tidying', () => Promise.resolve('next'))).toBe('next')
  })

  it.each([
    ['a lost answer', sdkError('TimeoutError')],
    ['a server error', sdkError('ServiceFailure', 500)],
    ['two writes that met', sdkError('ConcurrentModificationException', 409)],
    ['a connection that was cut', Object.assign(new Error('cut'), { code: 'ECONNRESET' })],
  ])('after %s the write is tried three times in all', async (_, error) => {
    const call = vi.fn(() => Promise.reject(error))
    await expect(lane.write('early-revoke', call)).rejects.toBe(error)
    expect(call).toHaveBeenCalledTimes(3)
  })
})
