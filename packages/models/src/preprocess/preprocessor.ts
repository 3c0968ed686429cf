import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { LoadAudioOptions, LoadImageOptions, NdArray } from '@spindle/io'
import { loadAudioSync, loadImageSync } from '@spindle/io/sync'
import { SpindleError, type WorkerOp, workerModule } from 'spindle'
import { PREPROCESS_WORKER } from '../entries.ts'
import { audioFeatures } from './audio-features.ts'
import { type AudioPlan, audioPlan } from './audio-plan.ts'
import { type ImagePlan, imagePlan } from './image-plan.ts'
import { imageTensor } from './image-tensor.ts'
import type * as LoadMain from './load-main.ts'
import type { LocalSource } from './load-main.ts'
import type { PilFilter } from './pil-filters.ts'
import type { ProcessorConfig } from './processor-config.ts'

export type { LocalSource }

/** What a configuration does not say: how pictures are decoded, and the order of the axes. */
export interface DecodeImageOptions
  extends Pick<LoadImageOptions, 'backend' | 'maxPixels' | 'maxBytes' | 'maxResultBytes'> {
  /** Order of the axes of the model's input. Default `'CHW'`. */
  readonly layout?: 'CHW' | 'HWC'
}
/** The same for sounds. */
export type DecodeAudioOptions = Pick<LoadAudioOptions, 'window' | 'strict' | 'maxBytes'>

/** The preprocessing of an image model. */
export interface ImagePreprocessor {
  readonly kind: 'image'
  /**
   * Op for `pipe()`: decodes a picture in a worker thread and makes the model's input of it,
   * float32 [3, height, width], or [height, width, 3] with `layout: 'HWC'`. Pixels are scaled as
   * Pillow scales them, bit by bit. By default sharp decodes, where it is installed, because it
   * decodes as Pillow does.
   */
  readonly op: WorkerOp<LocalSource, Promise<NdArray<'float32'>>>
  /**
   * The same in the calling thread, for ops of your own. FFmpeg decodes: sharp has no synchronous
   * calls.
   */
  loadSync(source: LocalSource | URL): NdArray<'float32'>
  /** Makes the model's input of a decoded picture: uint8 [height, width, 3], RGB. */
  transform(image: Pick<NdArray<'uint8'>, 'data' | 'shape'>): NdArray<'float32'>
  /**
   * Options that make `loadImage()` and `loadImageBatch()` do the same with the decoder's own
   * scaler: quicker for large photographs, and close to Pillow's pixels instead of equal.
   * `undefined` if they cannot, because the scaled picture is larger than the crop.
   */
  readonly options: LoadImageOptions | undefined
}

/** The preprocessing of an audio model. */
export interface AudioPreprocessor {
  readonly kind: 'audio'
  /**
   * Op for `pipe()`: decodes a sound in a worker thread and makes the model's input of it: for
   * Whisper float32 [mel bins, frames], for wav2vec 2.0 float32 [samples].
   */
  readonly op: WorkerOp<LocalSource, NdArray<'float32'>>
  /** The same in the calling thread, for ops of your own. */
  loadSync(source: LocalSource | URL): NdArray<'float32'>
  /** Makes the model's input of mono samples at the model's rate. */
  transform(audio: Pick<NdArray<'float32'>, 'data'>): NdArray<'float32'>
  /** Options with which `loadAudio()` gives what {@link transform} takes. */
  readonly options: LoadAudioOptions
}

/** The preprocessing that a model's configuration describes. */
export type Preprocessor = ImagePreprocessor | AudioPreprocessor

/**
 * Reads a `preprocessor_config.json` of Hugging Face: how pictures or sounds become the input of a
 * model. `config` is its path, the folder that holds it, or its contents.
 *
 * Pictures: resizing with Pillow's filters and rounding, centre crop, rescaling, normalising,
 * filling up. Sounds: the features of `WhisperFeatureExtractor` and `Wav2Vec2FeatureExtractor`.
 *
 * @param decode further options of decoding
 * @throws SpindleError `ERR_BAD_OPTION` for a configuration that is not supported; `ERR_READ` if
 *   the file cannot be read
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { imagePreprocessor } from '@spindle/models'
 *
 * const vit = imagePreprocessor({
 *   image_processor_type: 'ViTImageProcessor',
 *   size: { width: 224, height: 224 },
 *   resample: 2,
 *   image_mean: [0.5, 0.5, 0.5],
 *   image_std: [0.5, 0.5, 0.5],
 * })
 * const input = vit.loadSync('examples/photos/cat-1.png')
 * assert.deepEqual(input.shape, [3, 224, 224])
 * ```
 */
export function preprocessor(
  config: string | URL | ProcessorConfig,
  decode: DecodeImageOptions & DecodeAudioOptions = {},
): Preprocessor {
  const read = readConfig(config)
  return isAudio(read)
    ? ofAudio(audioPlan(read), decode)
    : ofImages(imagePlan(read, decode.layout), decode)
}

/** {@link preprocessor} of an image model. @throws SpindleError `ERR_BAD_OPTION` for another one */
export function imagePreprocessor(
  config: string | URL | ProcessorConfig,
  decode: DecodeImageOptions = {},
): ImagePreprocessor {
  const made = preprocessor(config, decode)
  if (made.kind === 'image') return made
  throw otherKind('pictures', 'sounds')
}

/** {@link preprocessor} of an audio model. @throws SpindleError `ERR_BAD_OPTION` for another one */
export function audioPreprocessor(
  config: string | URL | ProcessorConfig,
  decode: DecodeAudioOptions = {},
): AudioPreprocessor {
  const made = preprocessor(config, decode)
  if (made.kind === 'audio') return made
  throw otherKind('sounds', 'pictures')
}

function otherKind(wanted: string, got: string): SpindleError {
  return new SpindleError(
    'ERR_BAD_OPTION',
    `\`config\` must be a preprocessor configuration for ${wanted}, got one for ${got}`,
  )
}

function readConfig(config: string | URL | ProcessorConfig): ProcessorConfig {
  const isPath = typeof config === 'string' || config instanceof URL
  const read = isPath ? readJson(config) : config
  if (typeof read !== 'object' || read === null || Array.isArray(read))
    throw new SpindleError(
      'ERR_BAD_OPTION',
      '`config` must be a path or the contents of a preprocessor_config.json, an object',
    )
  const { image_processor: image, feature_extractor: audio } = read as ProcessorConfig
  // The newer processor_config.json has them one level deeper.
  const inner = image ?? audio
  return typeof inner === 'object' && inner !== null ? (inner as ProcessorConfig) : read
}

function readJson(path: string | URL): ProcessorConfig {
  try {
    const file =
      typeof path === 'string' && statSync(path).isDirectory()
        ? join(path, 'preprocessor_config.json')
        : path
    return JSON.parse(readFileSync(file, 'utf8')) as ProcessorConfig
  } catch (error) {
    throw new SpindleError(
      'ERR_READ',
      `cannot read the preprocessor configuration ${String(path)}: ${(error as Error).message}`,
      { cause: error },
    )
  }
}

function isAudio(config: ProcessorConfig): boolean {
  return config.sampling_rate !== undefined || config.feature_size !== undefined
}

const ops = workerModule<typeof LoadMain>(PREPROCESS_WORKER)

function ofImages(
  plan: ImagePlan,
  { layout: _, ...decode }: DecodeImageOptions,
): ImagePreprocessor {
  // The whole picture, because a decoder that shrinks gives other pixels.
  const options = { ...decode, shrinkOnDecode: false, pixelFormat: 'rgb24' } as const
  return Object.freeze({
    kind: 'image',
    op: ops.loadImageInput.with({ plan, options }),
    loadSync: (source: LocalSource | URL) => imageTensor(loadImageSync(source, options), plan),
    transform: (image: Pick<NdArray<'uint8'>, 'data' | 'shape'>) => imageTensor(image, plan),
    options: scalerOptions(plan, decode),
  } as const)
}

const ALGORITHMS: Readonly<Record<PilFilter, NonNullable<LoadImageOptions['algorithm']>>> = {
  nearest: 'nearest',
  lanczos: 'lanczos',
  bilinear: 'bilinear',
  bicubic: 'bicubic',
  box: 'area',
  hamming: 'bilinear',
}

function scalerOptions(plan: ImagePlan, decode: LoadImageOptions): LoadImageOptions | undefined {
  const { resize, crop, pad, filter, scale, mean, std, isBgr } = plan
  const frame = resize?.kind === 'exact' ? resize.size : crop
  const fits =
    frame !== undefined &&
    (resize?.kind === 'exact'
      ? crop === undefined || (crop.width === frame.width && crop.height === frame.height)
      : resize?.kind === 'shorter' &&
        resize.longest === undefined &&
        frame.width === resize.side &&
        frame.height === resize.side)
  // `normalize` divides by 255; another scale goes into mean and deviation.
  const unit = 1 / (255 * scale)
  return fits && pad === undefined
    ? {
        ...decode,
        width: frame.width,
        height: frame.height,
        mode: resize?.kind === 'exact' ? 'stretch' : 'crop',
        algorithm: ALGORITHMS[filter],
        layout: plan.layout,
        pixelFormat: isBgr ? 'bgr24' : 'rgb24',
        normalize: {
          mean: (mean ?? [0, 0, 0]).map((value) => value * unit),
          std: (std ?? [1, 1, 1]).map((value) => value * unit),
        },
      }
    : undefined
}

function ofAudio(plan: AudioPlan, decode: DecodeAudioOptions): AudioPreprocessor {
  const options = { ...decode, sampleRate: plan.sampleRate, channels: 1 } as const
  return Object.freeze({
    kind: 'audio',
    op: ops.loadAudioInput.with({ plan, options }),
    loadSync: (source: LocalSource | URL) =>
      audioFeatures(loadAudioSync(source, options).data as Float32Array, plan),
    transform: (audio: Pick<NdArray<'float32'>, 'data'>) => audioFeatures(audio.data, plan),
    options,
  } as const)
}
