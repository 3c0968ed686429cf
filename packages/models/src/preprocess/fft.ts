/**
 * Power spectra of real signals of one even length. The complex transform of half the length is of
 * mixed radix (Stockham's order, so no bit reversal): any length works, products of small primes
 * are quick.
 */
export class RealFft {
  readonly size: number
  readonly #half: number
  readonly #passes: readonly Butterfly[]
  /** cos and sin of -2 pi k / size. */
  readonly #cos: Float64Array
  readonly #sin: Float64Array
  #re: Float64Array
  #im: Float64Array
  #nextRe: Float64Array
  #nextIm: Float64Array

  /** @throws RangeError unless `size` is an even integer >= 2 */
  constructor(size: number) {
    if (!Number.isInteger(size) || size < 2 || size % 2 !== 0)
      throw new RangeError(`the length of a transform must be even, got ${size}`)
    this.size = size
    this.#half = size / 2
    this.#passes = factors(this.#half).map(butterfly)
    this.#cos = Float64Array.from({ length: size }, (_, k) => Math.cos((2 * Math.PI * k) / size))
    this.#sin = Float64Array.from({ length: size }, (_, k) => -Math.sin((2 * Math.PI * k) / size))
    const make = (): Float64Array => new Float64Array(this.#half)
    this.#re = make()
    this.#im = make()
    this.#nextRe = make()
    this.#nextIm = make()
  }

  /** Writes `|X[k]|^2`, k = 0 … size / 2, of the first `size` samples. */
  power(samples: Float64Array, into: Float64Array): void {
    const half = this.#half
    for (let k = 0; k < half; k++) {
      this.#re[k] = samples[2 * k] as number
      this.#im[k] = samples[2 * k + 1] as number
    }
    this.#transform()
    const [re, im, cos, sin] = [this.#re, this.#im, this.#cos, this.#sin]
    for (let k = 0; k <= half; k++) {
      const [a, b] = [k === half ? 0 : k, k === 0 ? 0 : half - k]
      const evenRe = ((re[a] as number) + (re[b] as number)) / 2
      const evenIm = ((im[a] as number) - (im[b] as number)) / 2
      const oddRe = ((im[a] as number) + (im[b] as number)) / 2
      const oddIm = ((re[b] as number) - (re[a] as number)) / 2
      const [c, s] = [cos[k] as number, sin[k] as number]
      const x = evenRe + c * oddRe - s * oddIm
      const y = evenIm + c * oddIm + s * oddRe
      into[k] = x * x + y * y
    }
  }

  #transform(): void {
    let length = this.#half
    let stride = 1
    for (const pass of this.#passes) {
      const { radix } = pass
      this.#pass(pass, length / radix, stride)
      length /= radix
      stride *= radix
      ;[this.#re, this.#nextRe] = [this.#nextRe, this.#re]
      ;[this.#im, this.#nextIm] = [this.#nextIm, this.#im]
    }
  }

  /** One pass: `count` butterflies of `radix` inputs for each of `stride` interleaved signals. */
  #pass({ radix, cos: rootCos, sin: rootSin }: Butterfly, count: number, stride: number): void {
    const [re, im, toRe, toIm] = [this.#re, this.#im, this.#nextRe, this.#nextIm]
    const [cos, sin, size] = [this.#cos, this.#sin, this.size]
    const outer = size / (radix * count)
    const far = stride * count
    for (let p = 0; p < count; p++)
      for (let j = 0; j < radix; j++) {
        const twiddle = (p * j * outer) % size
        const [c, s] = [cos[twiddle] as number, sin[twiddle] as number]
        const to = stride * (radix * p + j)
        const row = j * radix
        for (let q = 0; q < stride; q++) {
          let [x, y] = [0, 0]
          let at = q + stride * p
          for (let k = row; k < row + radix; k++) {
            const [cw, sw] = [rootCos[k] as number, rootSin[k] as number]
            const [a, b] = [re[at] as number, im[at] as number]
            x += a * cw - b * sw
            y += a * sw + b * cw
            at += far
          }
          toRe[to + q] = x * c - y * s
          toIm[to + q] = x * s + y * c
        }
      }
  }
}

/** The roots of unity of a pass: those of input `k` for output `j` are at `j * radix + k`. */
interface Butterfly {
  readonly radix: number
  readonly cos: Float64Array
  readonly sin: Float64Array
}

function butterfly(radix: number): Butterfly {
  const angle = (i: number): number => (-2 * Math.PI * Math.floor(i / radix) * (i % radix)) / radix
  const table = (of: (angle: number) => number): Float64Array =>
    Float64Array.from({ length: radix * radix }, (_, i) => of(angle(i)))
  return { radix, cos: table(Math.cos), sin: table(Math.sin) }
}

function factors(n: number): readonly number[] {
  const found: number[] = []
  let rest = n
  for (; rest % 4 === 0; rest /= 4) found.push(4)
  for (let prime = 2; rest > 1; prime++)
    while (rest % prime === 0) {
      found.push(prime)
      rest /= prime
    }
  return found.reverse()
}
