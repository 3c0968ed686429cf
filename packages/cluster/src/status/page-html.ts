// The page about a fleet. It asks for `status.json` every second, and puts what it gets into the
// page as text, never as HTML: names and errors come from outside.

const STYLE = `
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.3rem } h2 { font-size: 1rem; margin: 2rem 0 .5rem }
progress { width: 100%; height: 1.2rem; accent-color: #0a7 }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: 1rem }
dt { opacity: .7 } dd { margin: 0; font-size: 1.3rem; font-variant-numeric: tabular-nums }
table { width: 100%; border-collapse: collapse } td, th { text-align: left; padding: .2rem .6rem }
tr + tr { border-top: 1px solid #8884 } td { overflow-wrap: anywhere } .lost { opacity: .5 }`

const SCRIPT = `
const at = (id) => document.getElementById(id)
const number = (value) => Math.round(value).toLocaleString('en-US')
const size = (bytes) => {
  const unit = bytes < 1e3 ? 0 : Math.min(5, Math.floor(Math.log10(bytes) / 3))
  return (bytes / 1e3 ** unit).toPrecision(3) + ' ' + ['B', 'kB', 'MB', 'GB', 'TB', 'PB'][unit]
}
const rows = (id, all, cells, mark) => at(id).replaceChildren(...all.map((one) => {
  const row = document.createElement('tr')
  row.className = mark?.(one) ?? ''
  row.append(...cells(one).map((text) => {
    const cell = document.createElement('td')
    cell.textContent = text
    return cell
  }))
  return row
}))
const seen = []
function show(status) {
  const over = status.done + status.dead
  at('job').textContent = status.job
  document.title = status.job + ': ' + over + ' of ' + status.shards + ' shards'
  at('bar').max = Math.max(1, status.shards)
  at('bar').value = over
  for (const name of ['done', 'running', 'waiting', 'dead', 'records', 'shards'])
    at(name).textContent = number(status[name])
  at('bytes').textContent = size(status.bytes)
  seen.push([document.timeline.currentTime, over])
  while (seen.length > 60) seen.shift()
  const perSec = (over - seen[0][1]) / Math.max(1, (document.timeline.currentTime - seen[0][0]) / 1000)
  const left = Math.ceil((status.shards - over) / perSec)
  at('outlook').textContent = status.isComplete
    ? status.dead > 0 ? 'Complete, with dead shards' : 'Complete'
    : perSec > 0 ? perSec.toPrecision(3) + ' shards/s, ' + number(left) + ' s left' : 'Time left unknown'
  const isLost = (one) => one.state === 'ended' || new Date().getTime() - one.reportedMs > 2 * status.leaseMs
  rows('workers', status.workers.sort((a, b) => isLost(a) - isLost(b)).slice(0, 500), (one) => [
    one.worker, isLost(one) && one.state !== 'ended' ? 'lost' : one.state, number(one.shards),
    number(one.records), size(one.memoryBytes), one.working.join(', '),
  ], (one) => (isLost(one) ? 'lost' : ''))
  rows('failures', status.failures, (one) => [
    one.name, one.isDead ? 'dead' : 'attempt ' + one.attempts, one.error,
  ])
}
async function look() {
  try {
    const answer = await fetch('status.json')
    if (!answer.ok) throw new Error(await answer.text())
    show(await answer.json())
    at('fault').textContent = ''
  } catch (error) {
    at('fault').textContent = 'No answer: ' + error.message
  }
  setTimeout(look, 1000)
}
look()`

/** @param nonce of the page's Content-Security-Policy */
export function pageHtml(nonce: string): string {
  const figures = ['done', 'running', 'waiting', 'dead', 'shards', 'records', 'bytes']
  return `<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Spindle</title>
<style nonce="${nonce}">${STYLE}</style>
<h1 id="job">Spindle</h1><progress id="bar" aria-label="shards"></progress>
<p id="outlook" aria-live="polite"></p><p id="fault" role="alert"></p>
<dl>${figures.map((name) => `<div><dt>${name}</dt><dd id="${name}"></dd></div>`).join('')}</dl>
<h2>Workers</h2><table><thead><tr><th>worker<th>state<th>shards<th>records<th>memory<th>works on
</thead><tbody id="workers"></tbody></table>
<h2>Failures</h2><table><tbody id="failures"></tbody></table>
<script nonce="${nonce}">${SCRIPT}</script></html>
`
}
