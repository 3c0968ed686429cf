import type { Rng } from 'spindle'
import {
  boolean,
  choice,
  group,
  integer,
  is,
  object,
  type Rules,
  type RulesOf,
} from 'spindle/options'
import { badOption, MediaError } from '../base/errors.ts'
import { mediaOptions } from '../base/options.ts'
import { checkRng } from './video-options.ts'

/**
 * Which frame stands for a time that lies between two: the one before, which is what is seen then,
 * the nearer, or the one after.
 */
export type TimeRounding = 'floor' | 'nearest' | 'ceil'

/** Clips of frames that follow each other, as video models take them. */
export interface ClipOptions {
  /** Frames of a clip, 1 to 10000. */
  readonly length: number
  /** Frames of the video from one of the clip's to the next, 1 to 10000. Default 1. */
  readonly stride?: number
  /**
   * Clips, 1 to 10000, which begin at even distances: the first with the first frame, the last ends
   * with the last frame; a single one lies in the middle. Default 1.
   */
  readonly count?: number
}

/**
 * Which frames `sampleVideo` takes: exactly one of these. All count in the window, if there is one.
 */
export interface SampleSelection {
  /** By their number, from 0; in any order, as often as they are named. */
  readonly indices?: readonly number[]
  /**
   * By the time at which they are shown, in seconds from the first frame of the video; times before
   * the first and behind the last frame stand for these.
   */
  readonly timestampsSec?: readonly number[]
  /** Every so many frames, from the first; 1 or more. */
  readonly every?: number
  /**
   * So many, 1 to 1000000, at even distances: the middle frame of each of so many equal parts; with
   * `random` any frame of each.
   */
  readonly count?: number
  /** All keyframes. */
  readonly keyframes?: true
  /**
   * Clips: the result has an axis more. With `random` each begins anywhere in its share of the
   * video. Where a video is too short, its last frame is repeated.
   */
  readonly clips?: ClipOptions
  /** For `timestampsSec`. Default `'floor'`. */
  readonly rounding?: TimeRounding
  /** For `count` and `clips`: whether frames are drawn from `rng`. Default `false`. */
  readonly random?: boolean
  /**
   * Where `random` draws from: `context.rng` in an op, so that the same item is sampled alike in
   * every run.
   */
  readonly rng?: Rng
}

/** A selection as plain data. Random numbers are drawn before it is known of how many frames. */
export type Selection =
  | { readonly kind: 'indices'; readonly indices: readonly number[] }
  | {
      readonly kind: 'times'
      readonly timesSec: readonly number[]
      readonly rounding: TimeRounding
    }
  | { readonly kind: 'every'; readonly step: number }
  | {
      readonly kind: 'count'
      readonly count: number
      readonly draws: readonly number[] | undefined
    }
  | { readonly kind: 'keyframes' }
  | (Required<ClipOptions> & {
      readonly kind: 'clips'
      readonly draws: readonly number[] | undefined
    })

const frames = { min: 1, max: 10_000, unit: 'frames' } as const

const clipOptions = mediaOptions('ClipOptions', {
  length: integer({ ...frames, required: true }),
  stride: integer({ ...frames, default: 1 }),
  count: integer({ ...frames, default: 1, unit: 'clips' }),
} satisfies Rules<ClipOptions>)

/** The rules of {@link SampleSelection}. */
export const selectionRules: RulesOf<SampleSelection, 'rounding' | 'random'> = {
  indices: is('an array of at least one of integers >= 0', isList),
  timestampsSec: is('an array of at least one of finite numbers', isList),
  every: integer({ min: 1, max: 1_000_000_000, unit: 'frames' }),
  count: integer({ min: 1, max: 1_000_000, unit: 'frames' }),
  keyframes: is('true', (value) => value === true),
  clips: group(clipOptions),
  rounding: choice(['floor', 'nearest', 'ceil'], { default: 'floor' }),
  random: boolean({ default: false }),
  rng: object(),
}

function isList(value: unknown): boolean {
  const isArray = Array.isArray(value) || ArrayBuffer.isView(value)
  return isArray && (value as ArrayLike<number>).length > 0
}

const WAYS = ['indices', 'timestampsSec', 'every', 'count', 'keyframes', 'clips'] as const

const selectionOptions = mediaOptions('SampleSelection', selectionRules)
const SELECTION = Object.keys(selectionRules) as (keyof SampleSelection)[]

/** Checks the selection among some options. @throws MediaError `ERR_BAD_OPTION` */
export function selectionOf(options: SampleSelection): Selection {
  selectionOptions.check(Object.fromEntries(SELECTION.map((name) => [name, options[name]])))
  const given = WAYS.filter((name) => options[name] !== undefined)
  const [way] = given
  if (given.length !== 1 || way === undefined) {
    const got = given.length === 0 ? 'none' : given.join(' and ')
    throw new MediaError(
      'ERR_BAD_OPTION',
      `exactly one of ${WAYS.map((name) => `\`${name}\``).join(', ')} must be given, got ${got}`,
    )
  }
  const { rounding = 'floor', random = false, rng } = options
  if (options.rounding !== undefined && way !== 'timestampsSec')
    throw badOption('rounding', 'left out, but for `timestampsSec`', rounding)
  if (random && way !== 'count' && way !== 'clips')
    throw badOption('random', 'left out, but for `count` and `clips`', random)
  if (random) checkRng(rng)
  const draw = (count: number): number[] | undefined =>
    random ? Array.from({ length: count }, () => rng!.next()) : undefined
  switch (way) {
    case 'indices':
      return {
        kind: 'indices',
        indices: listOf('indices', options.indices, isIndex, 'integers >= 0'),
      }
    case 'timestampsSec': {
      const timesSec = listOf(
        'timestampsSec',
        options.timestampsSec,
        Number.isFinite,
        'finite numbers',
      )
      return { kind: 'times', timesSec, rounding }
    }
    case 'every':
      return { kind: 'every', step: options.every! }
    case 'count': {
      const count = options.count!
      return { kind: 'count', count, draws: draw(count) }
    }
    case 'keyframes':
      return { kind: 'keyframes' }
    case 'clips': {
      const clips = clipOptions.check(options.clips!)
      return { kind: 'clips', ...clips, draws: draw(clips.count) }
    }
  }
}

function listOf(
  name: string,
  list: readonly number[] | undefined,
  isGood: (one: number) => boolean,
  rule: string,
): number[] {
  const plain = ArrayBuffer.isView(list) ? Array.from(list as unknown as ArrayLike<number>) : list
  const bad = (plain as readonly number[]).findIndex((one) => !isGood(one))
  if (bad >= 0) throw badOption(`${name}[${bad}]`, `one of ${rule}`, plain![bad])
  return plain as number[]
}

function isIndex(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

/** What is known of a video's frames, in the order in which they are shown. */
export interface FrameFacts {
  readonly timesSec: ArrayLike<number>
  readonly isKeyframe: ArrayLike<number | boolean>
}

/**
 * The frames that a selection means, as indices in the order of the result.
 *
 * @throws MediaError `ERR_BAD_OPTION` for an index that there is not, and where there are no frames
 *   at all
 */
export function framesOf(selection: Selection, { timesSec, isKeyframe }: FrameFacts): number[] {
  const total = timesSec.length
  if (total === 0)
    throw new MediaError('ERR_BAD_OPTION', '`window` must hold a frame to sample from')
  switch (selection.kind) {
    case 'indices': {
      const bad = selection.indices.findIndex((index) => index >= total)
      if (bad >= 0)
        throw badOption(
          `indices[${bad}]`,
          `less than ${total}, the number of frames`,
          selection.indices[bad],
        )
      return [...selection.indices]
    }
    case 'times':
      return selection.timesSec.map((timeSec) => indexAt(timesSec, timeSec, selection.rounding))
    case 'every':
      return Array.from({ length: Math.ceil(total / selection.step) }, (_, i) => i * selection.step)
    case 'count': {
      const { count, draws } = selection
      return Array.from({ length: count }, (_, i) =>
        Math.min(total - 1, Math.floor(((i + (draws?.[i] ?? 0.5)) * total) / count)),
      )
    }
    case 'keyframes':
      return Array.from({ length: total }, (_, i) => i).filter((i) => isKeyframe[i])
    case 'clips':
      return clipStarts(selection, total).flatMap((start) =>
        Array.from({ length: selection.length }, (_, i) =>
          Math.min(total - 1, start + i * selection.stride),
        ),
      )
  }
}

/** Where clips begin: the starts that are possible, shared among them. */
function clipStarts(
  { length, stride, count, draws }: Extract<Selection, { kind: 'clips' }>,
  total: number,
): number[] {
  const most = Math.max(0, total - ((length - 1) * stride + 1))
  return Array.from({ length: count }, (_, i) => {
    if (draws !== undefined)
      return Math.min(most, Math.floor(((i + draws[i]!) * (most + 1)) / count))
    return count === 1 ? most >> 1 : Math.round((i * most) / (count - 1))
  })
}

function indexAt(timesSec: ArrayLike<number>, timeSec: number, rounding: TimeRounding): number {
  const last = timesSec.length - 1
  // The first that is shown later.
  let [low, high] = [0, timesSec.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (timesSec[middle]! <= timeSec) low = middle + 1
    else high = middle
  }
  const before = Math.max(0, low - 1)
  if (rounding === 'floor' || timesSec[before] === timeSec) return before
  const after = Math.min(last, low)
  if (rounding === 'ceil') return after
  return timesSec[after]! - timeSec < timeSec - timesSec[before]! ? after : before
}
