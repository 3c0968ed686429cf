import { encodeImage, loadImage } from '@spindle/io'
import { type Pipeline, PipelineBuilder, workerModule } from 'spindle'
import { type PushSource, pushSource } from 'spindle/source'
import type * as Ops from './ops.js'

const { vignette } = workerModule<typeof Ops>(new URL('./ops.js', import.meta.url))

/** A pipeline for requests: bytes of a picture -> bytes of a JPEG thumbnail. */
export interface Thumbnails {
  readonly uploads: PushSource<Uint8Array, Uint8Array>
  readonly pipeline: Pipeline<unknown>
}

/** Starts the pipeline. A failed upload fails its own promise, not the pipeline. */
export function startThumbnails(): Thumbnails {
  // At most 32 uploads wait; the next one is refused at once.
  const uploads = pushSource<Uint8Array, Uint8Array>({ capacity: 32, whenFull: 'reject' })
  const pipeline = new PipelineBuilder()
    .addSource(uploads)
    .pipe(decode, { concurrency: 4, timeoutMs: 10_000 })
    .pipe(vignette, { concurrency: 2 })
    .pipe(encode, { concurrency: 4 })
    .pipe(uploads.answer)
    .build({ maxFailures: Number.POSITIVE_INFINITY, threads: 2 })
  pipeline.start()
  return { uploads, pipeline }
}

/** `maxPixels` bounds what a small file can unfold to. */
function decode(bytes: Uint8Array, { signal }: { signal: AbortSignal }) {
  return loadImage(bytes, { width: 160, height: 120, mode: 'crop', maxPixels: 50_000_000, signal })
}

function encode(image: Awaited<ReturnType<typeof decode>>): Promise<Uint8Array> {
  return encodeImage(image, { format: 'jpeg' })
}
