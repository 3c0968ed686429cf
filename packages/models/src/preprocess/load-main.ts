// Ops of the pipelines' threads: a source -> the input of a model.

import { type LoadAudioOptions, type LoadImageOptions, loadImage, type NdArray } from '@spindle/io'
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

/** Whether sharp was found to be missing here. */
let isSharpMissing = false

/**
 * Decodes a picture and makes a model's input of it. By default sharp decodes, because its JPEG
 * decoder is Pillow's, bit by bit; FFmpeg decodes what sharp cannot read, or where it is missing.
 */
export async function loadImageInput(
  source: LocalSource,
  { plan, options }: LoadSettings<ImagePlan, WholeImageOptions>,
): Promise<NdArray<'float32'>> {
  return move(imageTensor(await decode(source, options), plan))
}

async function decode(source: LocalSource, options: WholeImageOptions): Promise<NdArray<'uint8'>> {
  const { backend } = options
  if (backend === 'ffmpeg' || (backend === undefined && isSharpMissing))
    return loadImageSync(source, options)
  try {
    return await loadImage(source, { ...options, backend: 'sharp' })
  } catch (error) {
    const { code } = error as { readonly code?: unknown }
    if (code === 'ERR_BACKEND_MISSING') isSharpMissing = true
    else if (code !== 'ERR_UNSUPPORTED') throw error
    if (backend !== undefined) throw error
    return loadImageSync(source, options)
  }
}

/** Decodes a sound and makes a model's input of it. */
export function loadAudioInput(
  source: LocalSource,
  { plan, options }: LoadSettings<AudioPlan, LoadAudioOptions>,
): NdArray<'float32'> {
  const { data } = loadAudioSync(source, { ...options, dtype: 'float32' })
  return move(audioFeatures(data, plan))
}
