import { describe, expect, test } from 'vitest'
import { type AskForm, renderForm } from '../../src/cards/request-form.ts'
import { SOME_OFFERS } from './all-cards.ts'
import { buttonsOf, markdownOn, nodesOf, nodesOfType, textsOn } from './read-card.ts'

function formOf(changes: Partial<AskForm> = {}): object {
  return renderForm({ requesterId: 'rita', entitlements: SOME_OFFERS, ...changes }).card
}

function input(card: object, id: string) {
  return nodesOf(card).find((node) => node.id === id) ?? {}
}

function valuesOf(card: object, id: string): readonly unknown[] {
  return nodesOf(input(card, id).choices).map(({ value }) => value)
}

describe('the form', () => {
  test('offers only what this person may ask for', () => {
    const [monthEnd] = SOME_OFFERS
    const card = formOf({ entitlements: [monthEnd] })
    expect(valuesOf(card, 'scope')).toEqual(monthEnd.scopes)
    expect(valuesOf(card, 'levels')).toEqual(['read', 'write'])
    expect(valuesOf(card, 'duration')).toEqual(['15m', '30m', '45m', '1h', '2h', '4h'])
  })

  test('each scope stands once, with what each of its entitlements allows there', () => {
    const [first] = nodesOf(input(formOf(), 'scope').choices)
    expect(first?.title).toBe('s3://finance-reports/2026/ (read, write up to 4h; delete up to 1h)')
    expect(new Set(valuesOf(formOf(), 'scope')).size).toBe(3)
  })

  test('the default of the entitlement is chosen beforehand, and no level is', () => {
    const card = formOf()
    expect(input(card, 'scope').value).toBe('s3://finance-reports/2026/')
    expect(input(card, 'duration').value).toBe('45m')
    // A choice without a value is removed.
    expect(input(card, 'levels').value ?? '').toBe('')
  })

  test('what was typed before stands there again; a scope below a choice is the choice and the rest', () => {
    const given = {
      scope: 's3://finance-reports/2026/q3/ledger.csv',
      levels: ['read', 'delete'],
      duration: '1h',
      reason: 'audit',
      ticket: 'T-1',
    } as const
    const card = formOf({ given })
    const values = ['scope', 'below', 'levels', 'duration', 'reason', 'ticket'].map((id) => input(card, id).value)
    expect(values).toEqual(['s3://finance-reports/2026/', 'q3/ledger.csv', 'read,delete', '1h', 'audit', 'T-1'])
  })

  test('a duration that nobody may have is not chosen beforehand', () => {
    expect(input(formOf({ given: { duration: '9d' } }), 'duration').value).toBe('45m')
  })

  test('says why the last try was refused, on top', () => {
    const card = formOf({ problem: '9d is too long: 4h at most.' })
    expect(markdownOn(card)[1]).toBe('Not sent yet')
    expect(textsOn(card)).toEqual(['9d is too long: 4h at most.'])
    expect(nodesOfType(card, 'Container')[0]?.style).toBe('attention')
  })

  test('is sent with whom it was made for, and nothing else of authority', () => {
    const [send] = nodesOfType(formOf(), 'Action.Execute')
    expect(send).toMatchObject({ verb: 'ask', data: { for: 'rita' } })
  })

  test('to somebody who may ask for nothing it says so, and has no button', () => {
    const card = formOf({ entitlements: [] })
    expect(buttonsOf(card)).toEqual([])
    expect(markdownOn(card).join(' ')).toContain('The rules let you ask for nothing')
  })
})
