import { button, element } from './element.ts'
import { createRoom, type Room } from './room.ts'
import type { Snapshot, WireEvent } from './wire.ts'

/** The script of the page. All people on it share one event stream. */

const rooms: Room[] = []
const main = document.querySelector('#rooms')
const switcher = document.querySelector('#switcher')

function current(objectId: string): void {
  for (const room of rooms) room.element.toggleAttribute('data-current', room.person.objectId === objectId)
  for (const one of switcher?.children ?? []) {
    one.setAttribute('aria-pressed', String(one.getAttribute('data-person') === objectId))
  }
}

function begin(snapshot: Snapshot): void {
  document.querySelector('#waiting')?.remove()
  if (rooms.length === 0) {
    for (const person of snapshot.people) {
      const room = createRoom(person, snapshot)
      rooms.push(room)
      main?.append(room.element)
      const first = person.name.split(' ')[0] ?? person.name
      switcher?.append(button(first, { 'data-person': person.objectId }, () => current(person.objectId)))
    }
    current(snapshot.people[0]?.objectId ?? '')
  }
  if (rooms.length === 0) main?.append(element('p', { class: 'empty' }, 'Pick somebody under People.'))
  for (const person of snapshot.people) roomOf(person.objectId)?.setApp(person.app)
  for (const message of snapshot.messages) for (const room of rooms) room.receive(message)
}

function roomOf(objectId: string): Room | undefined {
  return rooms.find((room) => room.person.objectId === objectId)
}

const events = new EventSource(`/events${location.search}`)
events.addEventListener('message', ({ data }) => {
  const event = JSON.parse(String(data)) as WireEvent
  if (event.type === 'snapshot') begin(event.snapshot)
  if (event.type === 'message') for (const room of rooms) room.receive(event.message)
  if (event.type === 'app') roomOf(event.objectId)?.setApp(event.app)
})
events.addEventListener('open', () => document.body.removeAttribute('data-offline'))
events.addEventListener('error', () => document.body.setAttribute('data-offline', ''))
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) for (const room of rooms) room.reopen()
})
