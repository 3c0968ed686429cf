const bits = new DataView(new ArrayBuffer(8))

/**
 * The natural logarithm of `x`, 0 < `x` <= 1, to about 1e-15. It uses only additions,
 * multiplications and divisions, so its bits are the same on every machine. `Math.log` does not
 * guarantee this, but an order that several machines share requires it.
 */
export function logarithm(x: number): number {
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
