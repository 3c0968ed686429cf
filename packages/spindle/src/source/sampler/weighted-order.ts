import { DrawStream, positiveOf } from './draws.ts'
import { logarithm } from './logarithm.ts'

/**
 * Numbers in the order in which they would be drawn, one after another and without putting back,
 * with probabilities in proportion to their weights. Each number gets a key, the time of an
 * exponential clock that ticks at its weight's rate (Efraimidis and Spirakis 2006, in logarithms),
 * and they come in order of keys. So it is the same on each rank, and the ranks share it without
 * talking to each other.
 *
 * Takes O(N log N) time and 12 bytes a number, for each epoch: the one weighted order that cannot
 * be computed place by place.
 */
export function weightedOrder(
  weights: ArrayLike<number>,
  seed: number,
  epoch: number,
): Uint32Array {
  const stream = new DrawStream(seed, epoch)
  const order = Uint32Array.from(positiveOf(weights))
  const times = new Float64Array(weights.length)
  // 1 - x, for x may be 0 but is never 1.
  for (const number of order)
    times[number] = -logarithm(1 - stream.fraction(number, 1)) / weights[number]!
  return order.sort((a, b) => times[a]! - times[b]! || a - b)
}
