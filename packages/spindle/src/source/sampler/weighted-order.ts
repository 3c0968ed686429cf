import { DrawStream, positiveOf } from './draws.ts'

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

const bits = new DataView(new ArrayBuffer(8))

/**
 * The natural logarithm of `x`, 0 < `x` <= 1, to about 1e-15. It uses only additions,
 * multiplications and divisions, so its bits are the same on every machine. `Math.log` does not
 * guarantee this, but an order that several machines share requires it.
 */
function logarithm(x: number): number {
  bits.setFloat64(0, x)
  const high = bits.getUint32(0)
  let exponent = (high >>> 20) - 1023
  bits.setUint32(0, (high & 0x000fffff) | 0x3ff00000)
  // x = mantissa * 2^exponent. The mantissa is moved from 1..2 to around 1, where the series
  // converges fast.
  let mantissa = bits.getFloat64(0)
  if (mantissa > Math.SQRT2) {
    mantissa /= 2
    exponent++
  }
  // ln m = 2 artanh s = 2 (s + s^3/3 + s^5/5 + ...), s = (m - 1) / (m + 1), |s| < 0.172.
  const s = (mantissa - 1) / (mantissa + 1)
  const square = s * s
  let series = 0
  for (let power = 23; power >= 1; power -= 2) series = series * square + 1 / power
  return 2 * s * series + exponent * Math.LN2
}
