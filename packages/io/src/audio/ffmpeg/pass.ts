import { MediaError, printValue } from '../../base/errors.ts'
import type { SyncReader } from '../../files/routine.ts'
import type { AudioTarget } from '../audio-options.ts'
import { type AudioFault, type AudioResult, fitSamples } from '../audio-results.ts'
import type { Sound } from './sound.ts'

/** One pass through a sound, from its beginning or from near a window on. */
export interface Pass {
  /** Damage that was passed over so far. */
  readonly faults: AudioFault[]
  /** How far it has come, in seconds from the first sample. */
  readonly atSec: number
  /** Decodes frame by frame; returns the sound, or `undefined` where a seek led nowhere. */
  steps(): Generator<Sound, Sound | undefined>
  free(): void
}

/** How a pass is made. */
export interface PassOptions {
  readonly faults: AudioFault[]
  /** The file's bytes; `undefined` for byte streams. */
  readonly reader: SyncReader | undefined
  readonly maySeek: boolean
  readonly samplesPerPiece: number
}

/** The whole of what is wanted; `undefined` where a seek led nowhere. */
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
 * The same in pieces of `samples` a channel, the last with what is left. What comes before damage
 * is given before the damage is thrown.
 *
 * @returns whether all was given: `false` where a seek led nowhere, before the first piece
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

/** @throws MediaError `ERR_BAD_OPTION` where the window begins behind the end */
function refuseBehindEnd({ window }: AudioTarget, endSec: number): void {
  const [startSec] = window ?? [0]
  if (startSec === 0 || startSec < endSec) return
  throw new MediaError(
    'ERR_BAD_OPTION',
    `\`window\` must begin before ${round(endSec)} s, where the audio ends, got ${printValue(window)}`,
  )
}

/** Seconds for messages. */
export function round(seconds: number): number {
  return Math.round(seconds * 1000) / 1000
}
