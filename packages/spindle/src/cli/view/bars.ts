import type { SlotShares } from '../../engine/stats/pipeline-stats.ts'
import type { TextPiece, Tone } from './view-cells.ts'

/** The parts of a slot's time. Each has its own shade, so that they differ without colours too. */
export const PARTS: readonly {
  readonly part: keyof SlotShares
  readonly sign: string
  readonly tone: Tone
}[] = [
  { part: 'running', sign: '█', tone: 'green' },
  { part: 'queued', sign: '▓', tone: 'yellow' },
  { part: 'backoff', sign: '░', tone: 'cyan' },
  { part: 'throttled', sign: '▚', tone: 'blue' },
  { part: 'blocked', sign: '▒', tone: 'magenta' },
  { part: 'idle', sign: '·', tone: 'dim' },
]

/** How the slots of a stage spend their time, as a bar of exactly `cells` cells. */
export function slotsBar(shares: SlotShares, cells: number): TextPiece[] {
  const pieces: TextPiece[] = []
  let [before, drawn] = [0, 0]
  for (const { part, sign, tone } of PARTS) {
    before += shares[part]
    // Rounds ends rather than lengths, so that the parts fill the bar.
    const end = part === 'idle' ? cells : Math.min(cells, Math.round(before * cells))
    if (end > drawn) pieces.push([sign.repeat(end - drawn), tone])
    drawn = Math.max(drawn, end)
  }
  return pieces
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/** A share as a bar of exactly `cells` cells, with a precision of an eighth of a cell. */
export function shareBar(share: number, cells: number): TextPiece[] {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * cells * 8)
  const full = Math.floor(eighths / 8)
  const part = EIGHTHS[eighths % 8] as string
  const empty = cells - full - part.length
  return [
    ['█'.repeat(full) + part, 'cyan'],
    ['·'.repeat(empty), 'dim'],
  ]
}
