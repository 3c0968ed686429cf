import type { NdArray } from '@spindle/io'
import type { AudioPlan } from './audio-plan.ts'
import { RealFft } from './fft.ts'
import { type MelFilter, melFilters } from './mel-filters.ts'

/** Smallest power before the logarithm, as in Hugging Face's `spectrogram()`. */
const FLOOR = 1e-10
const SILENCE = Math.log10(FLOOR)

/** Makes the features of mono samples: log-mel of Whisper, or normalised samples of wav2vec 2.0. */
export function audioFeatures(samples: Float32Array, plan: AudioPlan): NdArray<'float32'> {
  if (plan.kind === 'log-mel') return logMel(samples, plan)
  const data = plan.normalizes ? normalized(samples) : samples.slice()
  return { data, dtype: 'float32', shape: [data.length] }
}

/** Mean 0 and variance 1, as `Wav2Vec2FeatureExtractor` makes them. */
function normalized(samples: Float32Array): Float32Array {
  let sum = 0
  for (const sample of samples) sum += sample
  const mean = sum / Math.max(1, samples.length)
  let squares = 0
  for (const sample of samples) squares += (sample - mean) ** 2
  const scale = 1 / Math.sqrt(squares / Math.max(1, samples.length) + 1e-7)
  return samples.map((sample) => (sample - mean) * scale)
}

interface MelKit {
  readonly fft: RealFft
  readonly window: Float64Array
  readonly filters: readonly MelFilter[]
}

const kits = new Map<string, MelKit>()

type MelPlan = Extract<AudioPlan, { readonly kind: 'log-mel' }>

function kitOf({ fftSize, melBins, sampleRate, maxHz }: MelPlan): MelKit {
  const key = [fftSize, melBins, sampleRate, maxHz].join()
  let kit = kits.get(key)
  if (kit === undefined) {
    // The periodic Hann window.
    const window = Float64Array.from(
      { length: fftSize },
      (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / fftSize),
    )
    const filters = melFilters(melBins, fftSize / 2 + 1, sampleRate, maxHz)
    kit = { fft: new RealFft(fftSize), window, filters }
    kits.set(key, kit)
  }
  return kit
}

/**
 * The log-mel spectrogram of `WhisperFeatureExtractor`: samples are cut or filled with silence to
 * the length of a chunk, frames are centred with reflected ends, the last frame is dropped, and
 * values are limited to 8 below the largest, then `(x + 4) / 4`. float32 [mel bins, frames].
 */
function logMel(samples: Float32Array, plan: MelPlan): NdArray<'float32'> {
  const { fftSize, hopLength, melBins, chunkSamples } = plan
  const { fft, window, filters } = kitOf(plan)
  const length = chunkSamples
  const frames = Math.floor(length / hopLength)
  const data = new Float32Array(melBins * frames)
  const frame = new Float64Array(fftSize)
  const power = new Float64Array(fftSize / 2 + 1)
  let largest = Number.NEGATIVE_INFINITY
  // Frames of silence alone need no transform, unless the reflected end has sound.
  const silentFrom = samples.length <= length - fftSize ? samples.length : length
  for (let t = 0; t < frames; t++) {
    const begin = t * hopLength - fftSize / 2
    if (begin >= silentFrom) {
      for (let m = 0; m < melBins; m++) data[m * frames + t] = SILENCE
      largest = Math.max(largest, SILENCE)
      continue
    }
    for (let i = 0; i < fftSize; i++) {
      const at = reflect(begin + i, length)
      frame[i] = (at < samples.length ? (samples[at] as number) : 0) * (window[i] as number)
    }
    fft.power(frame, power)
    for (let m = 0; m < melBins; m++) {
      const { from, weights } = filters[m] as MelFilter
      let sum = 0
      for (let k = 0; k < weights.length; k++)
        sum += (weights[k] as number) * (power[from + k] as number)
      const value = Math.log10(Math.max(FLOOR, sum))
      if (value > largest) largest = value
      data[m * frames + t] = value
    }
  }
  const least = largest - 8
  for (let i = 0; i < data.length; i++) data[i] = (Math.max(data[i] as number, least) + 4) / 4
  return { data, dtype: 'float32', shape: [melBins, frames] }
}

/** The index of a signal that is reflected at both ends, without repeating the ends. */
function reflect(index: number, length: number): number {
  if (index < 0) return -index
  return index >= length ? 2 * length - 2 - index : index
}
