// The filters of Pillow's Image.resize(), and their fixed-point coefficients:
// src/libImaging/Resample.c of Pillow. The results are equal, bit by bit.

/** A resampling filter of Pillow, by its name there. */
export type PilFilter = 'nearest' | 'lanczos' | 'bilinear' | 'bicubic' | 'box' | 'hamming'

/** Pillow's numbers of filters, which configurations have as `resample`. */
export const PIL_FILTERS: readonly PilFilter[] = [
  'nearest',
  'lanczos',
  'bilinear',
  'bicubic',
  'box',
  'hamming',
]

/**
 * Bits behind the point: 32 for the sum, 8 for the sample, 2 for filters whose weights exceed 1.
 */
export const PRECISION_BITS: number = 32 - 8 - 2

/** The input samples of one output sample, and their weights. */
export interface Coefficients {
  /** First input sample, and number of them, for each output sample. */
  readonly from: Int32Array
  readonly count: Int32Array
  /** `stride` weights for each output sample, as integers. */
  readonly weights: Int32Array
  readonly stride: number
}

interface Kernel {
  readonly support: number
  readonly weight: (x: number) => number
}

const KERNELS: Readonly<Record<Exclude<PilFilter, 'nearest'>, Kernel>> = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: { support: 1, weight: hamming },
  bicubic: { support: 2, weight: bicubic },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
}

function hamming(given: number): number {
  const x = Math.abs(given)
  if (x === 0) return 1
  if (x >= 1) return 0
  const angle = x * Math.PI
  return (Math.sin(angle) / angle) * (0.54 + 0.46 * Math.cos(angle))
}

function bicubic(given: number): number {
  const a = -0.5
  const x = Math.abs(given)
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0
}

function sinc(x: number): number {
  if (x === 0) return 1
  const angle = x * Math.PI
  return Math.sin(angle) / angle
}

/**
 * Coefficients that scale `size` samples to `target`. If the picture becomes smaller, the filter
 * grows with it (antialiasing).
 */
export function coefficients(size: number, target: number, filter: PilFilter): Coefficients {
  if (filter === 'nearest') return nearest(size, target)
  const { support: base, weight } = KERNELS[filter]
  const scale = size / target
  const filterScale = Math.max(1, scale)
  const support = base * filterScale
  const stride = Math.ceil(support) * 2 + 1
  const from = new Int32Array(target)
  const count = new Int32Array(target)
  const weights = new Int32Array(target * stride)
  const row = new Float64Array(stride)
  for (let i = 0; i < target; i++) {
    const centre = (i + 0.5) * scale
    const first = Math.max(0, Math.trunc(centre - support + 0.5))
    const length = Math.min(size, Math.trunc(centre + support + 0.5)) - first
    let sum = 0
    for (let k = 0; k < length; k++) {
      row[k] = weight((k + first - centre + 0.5) / filterScale)
      sum += row[k] as number
    }
    from[i] = first
    count[i] = length
    for (let k = 0; k < length; k++) {
      const share = sum === 0 ? (row[k] as number) : (row[k] as number) / sum
      weights[i * stride + k] = Math.trunc((share < 0 ? -0.5 : 0.5) + share * 2 ** PRECISION_BITS)
    }
  }
  return { from, count, weights, stride }
}

function nearest(size: number, target: number): Coefficients {
  const scale = size / target
  // A running sum, whose rounding decides where two samples are equally near.
  let at = scale * 0.5
  return {
    from: Int32Array.from({ length: target }, () => {
      const sample = Math.trunc(at)
      at += scale
      return sample
    }),
    count: new Int32Array(target).fill(1),
    weights: new Int32Array(target).fill(2 ** PRECISION_BITS),
    stride: 1,
  }
}
