import { badConfig, numberOf, type ProcessorConfig } from './processor-config.ts'

/** What a model's audio needs. Plain data, which crosses to workers. */
export type AudioPlan =
  | {
      readonly kind: 'log-mel'
      readonly sampleRate: number
      readonly fftSize: number
      readonly hopLength: number
      readonly melBins: number
      readonly maxHz: number
      /** Length that sounds are cut or filled up to, in samples. */
      readonly chunkSamples: number
    }
  | { readonly kind: 'samples'; readonly sampleRate: number; readonly normalizes: boolean }

/** Reads the configuration of a feature extractor. @throws SpindleError `ERR_BAD_OPTION` */
export function audioPlan(config: ProcessorConfig): AudioPlan {
  const type = config.feature_extractor_type
  const sampleRate = numberOf(config, 'sampling_rate', 16_000)
  if (type === 'WhisperFeatureExtractor') {
    if (numberOf(config, 'dither', 0) !== 0)
      throw badConfig('dither', '0, because dithered features are random', config.dither)
    const chunkSec = numberOf(config, 'chunk_length', 30)
    return {
      kind: 'log-mel',
      sampleRate,
      fftSize: numberOf(config, 'n_fft', 400),
      hopLength: numberOf(config, 'hop_length', 160),
      melBins: numberOf(config, 'feature_size', 80),
      maxHz: 8000,
      chunkSamples: numberOf(config, 'n_samples', chunkSec * sampleRate),
    }
  }
  if (type === 'Wav2Vec2FeatureExtractor')
    return { kind: 'samples', sampleRate, normalizes: config.do_normalize !== false }
  throw badConfig(
    'feature_extractor_type',
    "'WhisperFeatureExtractor' or 'Wav2Vec2FeatureExtractor'",
    type,
  )
}
