import { describe, expect, test } from 'vitest'
import { LatchkeyError } from '../../src/errors.ts'

describe('an account that Latchkey itself holds closed', () => {
  test('is not called one whose AWS cannot be reached, and says when to come again', () => {
    const { message } = new LatchkeyError('UNAVAILABLE', { what: 'this account', retryAfterSeconds: 21 })
    expect(message).not.toMatch(/cannot reach/)
    expect(message).toMatch(/^This account is being made safe/)
    expect(message).toMatch(/Try again in 21 seconds\.$/)
  })
})
