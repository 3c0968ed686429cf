// Ops of the pipelines' threads: a source -> the input of a model.

import type { LoadAudioOptions, LoadImageOptions, NdArray } from '@spindle/io'
import { loadAudioSync, loadImageSync } from '@spindle/io/sync'
import { move } from 'spindle/worker'
import { audioFeatures } from './audio-features.ts'
import type { AudioPlan } from './audio-plan.ts'
import type { ImagePlan } from './image-plan.ts'
import { imageTensor } from './image-tensor.ts'

/** A source that another thread can read: a path or bytes. */
export type LocalSource = string | Uint8Array | ArrayBuffer | SharedArrayBuffer

/** Options of a picture at its own size, as uint8. */
export interface WholeImageOptions extends Omit<LoadImageOptions, 'normalize' | 'pixelFormat'> {
  readonly pixelFormat: 'rgb24'
}

/** What decoding and the input of a model need. */
export interface LoadSettings<P, O> {
  readonly plan: P
  readonly options: O
}

/** Decodes a picture and makes a model's input of it. */
export function loadImageInput(
  source: LocalSource,
  { plan, options }: LoadSettings<ImagePlan, WholeImageOptions>,
): NdArray<'float32'> {
  return move(imageTensor(loadImageSync(source, options), plan))
}

/** Decodes a sound and makes a model's input of it. */
export function loadAudioInput(
  source: LocalSource,
  { plan, options }: LoadSettings<AudioPlan, LoadAudioOptions>,
): NdArray<'float32'> {
  const { data } = loadAudioSync(source, { ...options, dtype: 'float32' })
  return move(audioFeatures(data, plan))
}
