import { plain } from '../../plain-text.ts'
import type { TuningMove } from '../../tune/tune-types.ts'
import type { Tuning } from '../tuned.ts'

/** Number of the latest moves that are shown. */
const MOST_LINES = 5

/**
 * What the tuner has done as text: the values of each number over time, and the latest moves with
 * their effects. No lines if there were no moves.
 */
export function printTuning({ moves }: Tuning): readonly string[] {
  if (moves.length === 0) return []
  const kept = moves.filter((move) => move.outcome === 'accepted')
  const ways = new Map<string, TuningMove[]>()
  for (const move of kept) {
    const own = ways.get(keyOf(move))
    if (own === undefined) ways.set(keyOf(move), [move])
    else own.push(move)
  }
  const lines = moves.slice(-MOST_LINES).map((move) => `  ${plain(describeMove(move))}`)
  return [
    `Tuned: ${moves.length} ${moves.length === 1 ? 'move' : 'moves'}, ${kept.length} kept.`,
    ...Array.from(ways, ([name, own]) => `  ${plain(name)} ${wayOf(own)}`),
    `The last ${lines.length === 1 ? 'one' : lines.length}:`,
    ...lines,
  ]
}

function keyOf({ stage, option }: TuningMove): string {
  return `${stage}: ${option}`
}

/** `4 → 16 → 12` */
function wayOf(moves: readonly TuningMove[]): string {
  const values = [moves[0]?.from, ...moves.map(({ to }) => to)]
  const shown =
    values.length > MOST_LINES + 2 ? [values[0], '…', ...values.slice(-MOST_LINES)] : values
  return shown.join(' → ')
}

/** `2.4 s  decode: concurrency 4 → 5, 20.1 → 25.0 items/s: kept` */
export function describeMove({
  atMs,
  stage,
  option,
  from,
  to,
  outcome,
  evidence,
}: TuningMove): string {
  const { itemsPerSecBefore = 0, itemsPerSec } = evidence
  const rates =
    itemsPerSec === undefined ? '' : `, ${rate(itemsPerSecBefore)} → ${rate(itemsPerSec)} items/s`
  const what = outcome === 'accepted' ? 'kept' : outcome === 'pending' ? 'being measured' : outcome
  return `${(atMs / 1000).toFixed(1)} s  ${stage}: ${option} ${from} → ${to}${rates}: ${what}`
}

function rate(perSec: number): string {
  return perSec >= 100 ? String(Math.round(perSec)) : perSec.toFixed(1)
}
