import { MediaError, printValue } from '../../base/errors.ts'
import type { SyncReader } from '../../files/routine.ts'
import type { AudioTarget } from '../audio-options.ts'
import { type AudioFault, type AudioResult, fitSamples } from '../audio-results.ts'
import type { Sound } from './sound.ts'

/** One pass through a sound, from its beginning or from near a window. */
export interface Pass {
  /** Faults that have been skipped so far. */
  readonly faults: AudioFault[]
  /** Position, in seconds from the first sample. */
  readonly atSec: number
  /** Decodes frame by frame. Returns the sound, or `undefined` if a seek failed. */
  steps(): Generator<Sound, Sound | undefined>
  free(): void
}

/** Options of a pass. */
export interface PassOptions {
  readonly faults: AudioFault[]
  /** The file's bytes; `undefined` for byte streams. */
  readonly reader: SyncReader | undefined
  readonly maySeek: boolean
  readonly samplesPerPiece: number
}

/** Runs a pass and returns the whole sound; `undefined` if a seek failed. */
export function wholeOf(pass: Pass, target: AudioTarget): AudioResult | undefined {
  const steps = pass.steps()
  let step = steps.next()
  while (step.done !== true) step = steps.next()
  const sound = step.value
  if (sound === undefined) return undefined
  const { dtype, isPlanar, numSamples } = target
  const { data, channels, sampleRate } = sound.finish()
  if (data.length === 0) refuseBehindEnd(target, pass.atSec)
  const fitted = fitSamples(data, dtype, channels, isPlanar, numSamples ?? data.length / channels)
  return { data: fitted, channels, sampleRate, faults: pass.faults }
}

/**
 * Runs a pass in pieces of `samples` per channel, fewer in the last. Samples before damage are
 * returned before the error is thrown.
 *
 * @returns whether the pass succeeded: `false` if a seek failed, before the first piece
 */
export function* piecesOf(
  pass: Pass,
  target: AudioTarget,
  samples: number,
): Generator<AudioResult, boolean> {
  const steps = pass.steps()
  let failure: { readonly error: unknown } | undefined
  let sound: Sound | undefined
  let isFirst = true
  const pieces = function* (from: Sound, least: number): Generator<AudioResult> {
    while (from.count >= least && from.count > 0) {
      isFirst = false
      yield { ...from.shift(Math.min(samples, from.count)), faults: pass.faults.splice(0) }
    }
  }
  for (;;) {
    try {
      const step = steps.next()
      if (step.done === true) {
        if (step.value === undefined) return false
        sound = step.value
        sound.end()
        break
      }
      sound = step.value
    } catch (error) {
      failure = { error }
      break
    }
    yield* pieces(sound, samples)
  }
  if (sound !== undefined) yield* pieces(sound, 1)
  if (failure !== undefined) throw failure.error
  if (isFirst) refuseBehindEnd(target, pass.atSec)
  return true
}

/** @throws MediaError `ERR_BAD_OPTION` if the window begins after the end */
function refuseBehindEnd({ window }: AudioTarget, endSec: number): void {
  const [startSec] = window ?? [0]
  if (startSec === 0 || startSec < endSec) return
  throw new MediaError(
    'ERR_BAD_OPTION',
    `\`window\` must begin before ${round(endSec)} s, where the audio ends, got ${printValue(window)}`,
  )
}

/** Rounds seconds for messages. */
export function round(seconds: number): number {
  return Math.round(seconds * 1000) / 1000
}
