import { DrawStream, positiveOf } from './draws.ts'
import { logarithm } from './logarithm.ts'

/**
 * Numbers in the order of draws without replacement, with probabilities proportional to their
 * weights. Each number gets a key, the time of an exponential clock that ticks at the rate of its
 * weight (Efraimidis and Spirakis 2006, in logarithms). Numbers come in the order of their keys.
 * The order is the same on each rank, so ranks share it without communication.
 *
 * Takes O(N log N) time and 12 bytes per number for each epoch. It is the only weighted order that
 * cannot be computed position by position.
 */
export function weightedOrder(
  weights: ArrayLike<number>,
  seed: number,
  epoch: number,
): Uint32Array {
  const stream = new DrawStream(seed, epoch)
  const order = Uint32Array.from(positiveOf(weights))
  const times = new Float64Array(weights.length)
  // Uses 1 - x, because x may be 0 but is never 1.
  for (const number of order)
    times[number] = -logarithm(1 - stream.fraction(number, 1)) / weights[number]!
  return order.sort((a, b) => times[a]! - times[b]! || a - b)
}
