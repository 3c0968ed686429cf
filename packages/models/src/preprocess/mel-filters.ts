/** A triangular filter: weights of the frequency bins from `from` on. */
export interface MelFilter {
  readonly from: number
  readonly weights: Float64Array
}

// Slaney's scale: linear below 1000 Hz, logarithmic above.
const LINEAR = 200 / 3
const BREAK_HZ = 1000
const BREAK_MEL = BREAK_HZ / LINEAR
const LOG_STEP = Math.log(6.4) / 27

function melOf(hz: number): number {
  return hz < BREAK_HZ ? hz / LINEAR : BREAK_MEL + Math.log(hz / BREAK_HZ) / LOG_STEP
}

function hzOf(mel: number): number {
  return mel < BREAK_MEL ? mel * LINEAR : BREAK_HZ * Math.exp(LOG_STEP * (mel - BREAK_MEL))
}

/**
 * Mel filters of Slaney's scale and norm, as librosa and `transformers.audio_utils.mel_filter_bank`
 * make them for Whisper.
 *
 * @param bins number of frequency bins, `fftSize / 2 + 1`
 */
export function melFilters(
  count: number,
  bins: number,
  sampleRate: number,
  maxHz: number = sampleRate / 2,
): readonly MelFilter[] {
  const top = melOf(maxHz)
  const edges = Array.from({ length: count + 2 }, (_, i) => hzOf((top * i) / (count + 1)))
  const hzOfBin = sampleRate / 2 / (bins - 1)
  return Array.from({ length: count }, (_, i) => {
    const [low, centre, high] = edges.slice(i, i + 3) as [number, number, number]
    const area = 2 / (high - low)
    const weight = (bin: number): number => {
      const hz = bin * hzOfBin
      return (
        area * Math.max(0, Math.min((hz - low) / (centre - low), (high - hz) / (high - centre)))
      )
    }
    let from = 0
    while (from < bins && weight(from) === 0) from++
    let end = from
    while (end < bins && weight(end) > 0) end++
    return { from, weights: Float64Array.from({ length: end - from }, (_, k) => weight(from + k)) }
  })
}
