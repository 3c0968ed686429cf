// Draws spans of time as lanes of an SVG that fits a light and a dark page.

/** A span, in milliseconds since the run's start. */
export interface Span {
  readonly from: number
  readonly to: number
  /**
   * `wait`: another program or thread works for it. `work`: it computes. `hold`: it computes and
   * blocks the loop.
   */
  readonly tone: 'wait' | 'work' | 'hold'
  readonly label?: string
}

export interface Lane {
  readonly name: string
  readonly spans: readonly Span[]
}

const WIDTH = 820
const LEFT = 150
const RIGHT = 30
const LANE = 22
const TOP = 34

/** Draws one picture with a title, the lanes, a time axis, and a legend of the colours. */
export function drawTimeline(title: string, lanes: readonly Lane[]): string {
  const endMs = Math.max(1, ...lanes.flatMap(({ spans }) => spans.map(({ to }) => to)))
  const x = (ms: number): number =>
    Math.round((LEFT + (ms / endMs) * (WIDTH - LEFT - RIGHT)) * 10) / 10
  const bottom = TOP + lanes.length * LANE
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((ms) => endMs / ms <= 12) ?? endMs
  const ticks = Array.from({ length: Math.floor(endMs / step) + 1 }, (_, i) => i * step)
  const grid = ticks.map(
    (ms) =>
      `<line x1="${x(ms)}" x2="${x(ms)}" y1="${TOP - 4}" y2="${bottom}"/><text x="${x(ms)}" y="${bottom + 15}" text-anchor="middle">${ms}${ms === ticks.at(-1) ? ' ms' : ''}</text>`,
  )
  const rows = lanes.map(({ name, spans }, i) => {
    const y = TOP + i * LANE
    const bars = spans.map(({ from, to, tone, label = '' }) => {
      const width = Math.max(1, Math.round((x(to) - x(from)) * 10) / 10)
      const text =
        width > label.length * 6.5 + 4 && label !== ''
          ? `<text class="in on-${tone}" x="${x(from) + width / 2}" y="${y + 14.5}" text-anchor="middle">${escaped(label)}</text>`
          : ''
      return `<rect class="${tone}" x="${x(from)}" y="${y + 3}" width="${width}" height="${LANE - 6}" rx="2"/>${text}`
    })
    return `<text class="name" x="${LEFT - 10}" y="${y + 15}" text-anchor="end">${escaped(name)}</text>${bars.join('')}`
  })
  const legend = (['wait', 'work', 'hold'] as const)
    .filter((tone) => lanes.some(({ spans }) => spans.some((span) => span.tone === tone)))
    .map(
      (tone, i) =>
        `<rect class="${tone}" x="${LEFT + i * 190}" y="${bottom + 26}" width="12" height="12" rx="2"/><text x="${LEFT + i * 190 + 18}" y="${bottom + 36}">${MEANING[tone]}</text>`,
    )
  const words = lanes.map(
    ({ name, spans }) =>
      `${name}: ${spans.map(({ from, to, tone }) => `${tone} ${from.toFixed(0)} to ${to.toFixed(0)} ms`).join(', ')}`,
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${bottom + 46}" role="img" aria-labelledby="title about"><title id="title">${escaped(title)}</title><desc id="about">${escaped(words.join('; '))}</desc><style>${STYLE}</style><rect class="ground" width="100%" height="100%"/><text class="title" x="12" y="20">${escaped(title)}</text><g class="grid">${grid.join('')}</g>${rows.join('')}${legend.join('')}</svg>
`
}

const MEANING = {
  wait: 'waits for I/O',
  work: 'runs outside the event loop',
  hold: 'blocks the event loop',
}

const STYLE =
  'text{font:12px system-ui,-apple-system,Segoe UI,Roboto,DejaVu Sans,sans-serif;fill:#5a606b}.title{font-size:14px;font-weight:600;fill:#1b1d21}.name{fill:#1b1d21}.in{fill:#fff;font-size:11px}.on-wait{fill:#1b3557}.ground{fill:#fff}.grid line{stroke:#e2e3e6}.wait{fill:#9dbfe8}.work{fill:#2a72cf}.hold{fill:#c24a26}' +
  '@media(prefers-color-scheme:dark){text{fill:#a0a7b3}.title,.name{fill:#e9ebee}.in{fill:#fff}.on-wait{fill:#e9ebee}.on-work,.on-hold{fill:#14161a}.ground{fill:#1b1e24}.grid line{stroke:#2d3139}.wait{fill:#34588a}.work{fill:#5a9df0}.hold{fill:#e47a52}}'

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}
