import { plain } from '../../../plain-text.ts'
import type { Bottleneck } from './bottleneck.ts'
import { LEAST_GAIN } from './gain.ts'

/** A verdict as text, in parts that the terminal and the page share. */
export interface VerdictText {
  /** `decode (executor): its 2 workers are busy 98 % of the time` */
  readonly limit: string
  readonly advice: string
  readonly gain: string
  readonly evidence: string
}

/** Writes a verdict as sentences without line breaks. */
export function verdictText(bottleneck: Bottleneck): VerdictText {
  const { stage, kind, reason, advice, evidence } = bottleneck
  const named = kind === stage ? stage : `${stage} (${KINDS[kind]})`
  const numbers = Object.entries(evidence).map(([name, value]) => `${inWords(name)} ${value}`)
  return {
    limit: `${plain(named)}: ${plain(reason)}.`,
    advice: `${plain(`${advice.slice(0, 1).toUpperCase()}${advice.slice(1)}`)}.`,
    gain: gainOf(bottleneck),
    evidence: plain(numbers.join(', ')),
  }
}

function gainOf({ kind, promise, headroom, stage, change }: Bottleneck): string {
  const most = `If ${plain(stage)} took no time, the pipeline would be`
  if (promise >= LEAST_GAIN) return `Expected: about ${promise.toFixed(1)} times the throughput.`
  // The limit by cores does not depend on one stage.
  if (kind === 'cpu')
    return change === undefined ? 'Expected: no gain.' : 'Expected: as much, with fewer threads.'
  if (change !== undefined) return 'Expected: as much, with less waiting.'
  return headroom < LEAST_GAIN
    ? `Expected: no gain. ${most} hardly faster, because other parts are as busy.`
    : `Expected: no gain from a number alone. ${most} up to ${headroom.toFixed(1)} times faster.`
}

const KINDS: Readonly<Record<Bottleneck['kind'], string>> = {
  stage: 'stage',
  executor: 'its workers',
  cpu: 'CPU',
  inner: 'inside the op',
  loop: 'event loop',
  source: 'source',
  consumer: 'consumer',
  rateLimited: 'rate limit',
  memory: 'memory',
}

/** Converts `cpuOwn` to `cpu own`. */
function inWords(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}
