/**
 * The page's script in the browser. It shows the values of charts under the pointer and for arrow
 * keys, and updates a live page. The page is complete without it.
 */
export const PAGE_SCRIPT: string = `'use strict'
const chosen = new Map()
function read(plot, index) {
  const points = JSON.parse(plot.dataset.read)
  const at = Math.min(points.length - 1, Math.max(0, index))
  const cursor = plot.querySelector('.cursor'), output = plot.querySelector('output')
  chosen.set(plot.id, at)
  cursor.hidden = false
  cursor.style.left = points[at][0] * 100 + '%'
  output.style.left = points[at][0] * 100 + '%'
  output.style.translate = -points[at][0] * 100 + '% 0'
  if (output.textContent !== points[at][1]) output.textContent = points[at][1]
}
function hide(plot) {
  chosen.delete(plot.id)
  plot.querySelector('.cursor').hidden = true
  plot.querySelector('output').textContent = ''
}
addEventListener('keydown', (event) => {
  const plot = event.target.closest?.('.plot')
  if (!plot || event.ctrlKey || event.altKey || event.metaKey) return
  const last = JSON.parse(plot.dataset.read).length - 1
  const now = chosen.get(plot.id) ?? last + (event.key === 'ArrowLeft' ? 1 : 0)
  const next = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: last, PageUp: now - 10, PageDown: now + 10 }[event.key]
  if (event.key === 'Escape') hide(plot)
  if (next === undefined) return
  event.preventDefault()
  read(plot, next)
})
addEventListener('pointermove', (event) => {
  const plot = event.target.closest?.('.plot')
  if (!plot) return
  const box = plot.getBoundingClientRect()
  const x = (event.clientX - box.left) / box.width
  const points = JSON.parse(plot.dataset.read)
  let nearest = 0
  for (let i = 1; i < points.length; i++) if (Math.abs(points[i][0] - x) < Math.abs(points[nearest][0] - x)) nearest = i
  read(plot, nearest)
})
addEventListener('pointerout', (event) => {
  const plot = event.target.closest?.('.plot')
  if (plot && !isRenewing && !plot.contains(event.relatedTarget)) hide(plot)
})
addEventListener('focusout', (event) => {
  if (!isRenewing && event.target.matches?.('.plot')) hide(event.target)
})
const shown = {}
// An element that is replaced loses its focus first.
let isRenewing = false
function renew(parts) {
  isRenewing = true
  for (const [id, html] of Object.entries(parts)) {
    const place = document.getElementById(id)
    if (!place || shown[id] === html) continue
    shown[id] = html
    const open = [...place.querySelectorAll('details[open]')].map((element) => element.id)
    const scrolled = [...place.querySelectorAll('.scroll')].map((element) => [element.scrollLeft, element.scrollTop])
    const scrolls = [...place.querySelectorAll('.scroll, .plot, summary')]
    const focused = scrolls.indexOf(document.activeElement)
    place.innerHTML = html
    for (const name of open) document.getElementById(name)?.setAttribute('open', '')
    place.querySelectorAll('.scroll').forEach((element, i) => { [element.scrollLeft, element.scrollTop] = scrolled[i] ?? [0, 0] })
    if (focused >= 0) place.querySelectorAll('.scroll, .plot, summary')[focused]?.focus({ preventScroll: true })
    for (const [name, at] of chosen) {
      const plot = place.querySelector('#' + name)
      if (plot) read(plot, at)
    }
  }
  isRenewing = false
}
const address = document.documentElement.dataset.live
if (address) {
  const status = document.getElementById('live')
  const events = new EventSource(address)
  const say = (words) => { if (status.textContent !== words) status.textContent = words }
  events.addEventListener('open', () => say('Live: renewed twice a second.'))
  events.addEventListener('parts', (event) => renew(JSON.parse(event.data)))
  events.addEventListener('end', () => {
    events.close()
    say('The run has ended; this is its report.')
  })
  events.addEventListener('error', () => say('The connection to the run was lost.'))
}
`
