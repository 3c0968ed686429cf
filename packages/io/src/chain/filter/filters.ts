import {
  type AnyRule,
  boolean,
  choice,
  integer,
  is,
  number,
  type Options,
  type Rule,
  text,
} from 'spindle/options'
import { checkRule } from '../../base/check.ts'
import { badOption } from '../../base/errors.ts'
import { mediaOptions } from '../../base/options.ts'
import { secondsOf, type TimeWindow, windowRule } from '../time.ts'

// Typed builders for common filter graphs. Each returns FFmpeg's own text, with its values quoted.
// See docs/filters.md.

/** A value of an FFmpeg option. */
type Value = string | number | boolean | undefined

/** A size or position: a number of pixels, or an FFmpeg expression such as `'(iw-ow)/2'`. */
export type Pixels = number | string

/** Interpolation of scaled pictures. */
export type ScaleFlags = (typeof SCALE_FLAGS)[number]

const SCALE_FLAGS = [
  'fast_bilinear',
  'bilinear',
  'bicubic',
  'neighbor',
  'area',
  'lanczos',
  'spline',
] as const

const pixels: Rule<Pixels, 'maybe'> = is('a number of pixels, or an expression', isNumberOrText)
const givenPixels: Rule<Pixels, 'always'> = is(pixels.rule, isNumberOrText, { required: true })
const side = integer({ min: 1, required: true })
const inputsRule = integer({ min: 2 })

function isNumberOrText(value: unknown): boolean {
  return Number.isFinite(value) || (typeof value === 'string' && value !== '')
}

/** The options of one filter. */
function of<D extends Readonly<Record<string, AnyRule>>>(name: string, rules: D): Options<D> {
  return mediaOptions(`filters.${name}`, rules)
}

const ofScale = of('scale', {
  width: pixels,
  height: pixels,
  flags: choice(SCALE_FLAGS),
  fit: choice(['inside', 'cover']),
})
const ofCrop = of('crop', { width: givenPixels, height: givenPixels, x: pixels, y: pixels })
const ofPad = of('pad', { ...ofCrop.rules, color: text() })
const ofTrim = of('trim', { resetTime: boolean({ default: false }) })
const ofRotate = of('rotate', {
  degrees: is('a number', Number.isFinite, { required: true }),
  color: text(),
  width: pixels,
  height: pixels,
})
const ofOverlay = of('overlay', { x: pixels, y: pixels, endsWithShortest: boolean() })
const tone = is('a number', Number.isFinite)
const ofBrightness = of('brightness', {
  brightness: tone,
  contrast: tone,
  saturation: tone,
  gamma: tone,
})
const ofExtend = of('extend', { pictures: integer({ min: 0, required: true }), color: text() })
const ofAformat = of('aformat', {
  sampleFormat: text(),
  sampleRate: integer({ min: 1 }),
  channelLayout: text(),
})
const ofAmix = of('amix', { normalize: boolean() })
const ofShowwaves = of('showwaves', {
  width: side,
  height: side,
  frameRate: is('a number > 0', isPositive),
  mode: choice(['point', 'line', 'p2p', 'cline']),
  colors: text(),
})
const ofShowspectrum = of('showspectrum', {
  width: side,
  height: side,
  slide: choice(['replace', 'scroll', 'fullframe']),
})

function isPositive(value: unknown): boolean {
  return typeof value === 'number' && value > 0
}

function filter(name: string, options: Readonly<Record<string, Value>> = {}): string {
  if (!/^\w+$/.test(name)) throw badOption('name', 'the name of a filter', name)
  const given = Object.entries(options).filter((entry) => entry[1] !== undefined)
  if (given.length === 0) return name
  return `${name}=${given.map(([key, value]) => `${key}=${quote(plainText(value))}`).join(':')}`
}

function chain(...steps: readonly (string | undefined)[]): string {
  return steps.filter((step) => step !== undefined && step !== '').join(',')
}

function link(inputs: readonly string[], steps: string, outputs: readonly string[]): string {
  const labels = (names: readonly string[]): string =>
    names
      .map((name) => {
        if (!/^\w+$/.test(name)) throw badOption('label', 'made of letters, digits and _', name)
        return `[${name}]`
      })
      .join('')
  return `${labels(inputs)}${steps}${labels(outputs)}`
}

function parallel(...chains: readonly string[]): string {
  return chains.join(';')
}

function scale(options: {
  readonly width?: Pixels
  readonly height?: Pixels
  readonly flags?: ScaleFlags
  readonly fit?: 'inside' | 'cover'
}): string {
  const { width = -2, height = -2, flags, fit } = ofScale.check(options)
  const keep = fit === undefined ? undefined : fit === 'inside' ? 'decrease' : 'increase'
  return filter('scale', { w: width, h: height, flags, force_original_aspect_ratio: keep })
}

function crop(options: {
  readonly width: Pixels
  readonly height: Pixels
  readonly x?: Pixels
  readonly y?: Pixels
}): string {
  const { width, height, x, y } = ofCrop.check(options)
  return filter('crop', { w: width, h: height, x, y })
}

function pad(options: {
  readonly width: Pixels
  readonly height: Pixels
  readonly x?: Pixels
  readonly y?: Pixels
  readonly color?: string
}): string {
  const { width, height, x = '(ow-iw)/2', y = '(oh-ih)/2', color } = ofPad.check(options)
  return filter('pad', { w: width, h: height, x, y, color })
}

function fps(rate: number | string): string {
  if (typeof rate !== 'string') checkRule('rate', rate, is('a number > 0', isPositive))
  return filter('fps', { fps: rate })
}

function format(...pixelFormats: readonly string[]): string {
  return filter('format', { pix_fmts: pixelFormats.join('|') })
}

function cut(name: string, window: TimeWindow, isReset: boolean): string {
  checkRule('window', window, windowRule)
  const [start, end] = window
  const trimmed = filter(name, {
    start: secondsOf(start),
    end: end === Infinity ? undefined : secondsOf(end),
  })
  return isReset
    ? chain(trimmed, filter(name === 'trim' ? 'setpts' : 'asetpts', { expr: 'PTS-STARTPTS' }))
    : trimmed
}

function trim(window: TimeWindow, options: { readonly resetTime?: boolean } = {}): string {
  return cut('trim', window, ofTrim.check(options).resetTime)
}

function atrim(window: TimeWindow, options: { readonly resetTime?: boolean } = {}): string {
  return cut('atrim', window, ofTrim.check(options).resetTime)
}

/** Quarter turns, and mirroring along a diagonal. */
const DIRECTIONS = {
  clockwise: 'clock',
  counterclockwise: 'cclock',
  'clockwise-flip': 'clock_flip',
  'counterclockwise-flip': 'cclock_flip',
} as const

function transpose(direction: keyof typeof DIRECTIONS): string {
  checkRule('direction', direction, choice(Object.keys(DIRECTIONS)))
  return filter('transpose', { dir: DIRECTIONS[direction] })
}

function rotate(options: {
  readonly degrees: number
  readonly color?: string
  readonly width?: Pixels
  readonly height?: Pixels
}): string {
  const { degrees, color, width, height } = ofRotate.check(options)
  return filter('rotate', {
    angle: (degrees * Math.PI) / 180,
    ow: width,
    oh: height,
    fillcolor: color,
  })
}

function overlay(
  options: { readonly x?: Pixels; readonly y?: Pixels; readonly endsWithShortest?: boolean } = {},
): string {
  const { x, y, endsWithShortest } = ofOverlay.check(options)
  return filter('overlay', { x, y, shortest: endsWithShortest })
}

function stack(direction: 'horizontal' | 'vertical', inputs: number): string {
  checkRule('direction', direction, choice(['horizontal', 'vertical']))
  checkRule('inputs', inputs, inputsRule)
  return filter(direction === 'horizontal' ? 'hstack' : 'vstack', { inputs })
}

function split(kind: 'video' | 'audio', outputs: number): string {
  checkRule('kind', kind, choice(['video', 'audio']))
  checkRule('outputs', outputs, integer({ min: 1 }))
  return filter(kind === 'audio' ? 'asplit' : 'split', { outputs })
}

function brightness(options: {
  readonly brightness?: number
  readonly contrast?: number
  readonly saturation?: number
  readonly gamma?: number
}): string {
  return filter('eq', ofBrightness.check(options))
}

function blur(sigma: number): string {
  checkRule('sigma', sigma, number({ min: 0 }))
  return filter('gblur', { sigma })
}

function setpts(expression: string): string {
  return filter('setpts', { expr: expression })
}

function extend(options: { readonly pictures: number; readonly color?: string }): string {
  const { pictures, color } = ofExtend.check(options)
  return filter('tpad', { stop: pictures, stop_mode: color === undefined ? 'clone' : 'add', color })
}

function aresample(sampleRate: number): string {
  checkRule('sampleRate', sampleRate, integer({ min: 1 }))
  return filter('aresample', { sample_rate: sampleRate })
}

function aformat(options: {
  readonly sampleFormat?: string
  readonly sampleRate?: number
  readonly channelLayout?: string
}): string {
  const { sampleFormat, sampleRate, channelLayout } = ofAformat.check(options)
  return filter('aformat', {
    sample_fmts: sampleFormat,
    sample_rates: sampleRate,
    channel_layouts: channelLayout,
  })
}

function atempo(tempo: number): string {
  checkRule('tempo', tempo, number({ min: 0.5, max: 100 }))
  return filter('atempo', { tempo })
}

function volume(gain: number | string): string {
  return filter('volume', { volume: gain })
}

function pan(layout: string, channels: readonly string[]): string {
  return `pan=${quote([layout, ...channels].join('|'))}`
}

function amix(inputs: number, options: { readonly normalize?: boolean } = {}): string {
  checkRule('inputs', inputs, inputsRule)
  return filter('amix', { inputs, normalize: ofAmix.check(options).normalize })
}

function showwaves(options: {
  readonly width: number
  readonly height: number
  readonly frameRate?: number
  readonly mode?: 'point' | 'line' | 'p2p' | 'cline'
  readonly colors?: string
}): string {
  const { width, height, frameRate, mode, colors } = ofShowwaves.check(options)
  return filter('showwaves', { s: `${width}x${height}`, rate: frameRate, mode, colors })
}

function showspectrum(options: {
  readonly width: number
  readonly height: number
  readonly slide?: 'replace' | 'scroll' | 'fullframe'
}): string {
  const { width, height, slide } = ofShowspectrum.check(options)
  return filter('showspectrum', { s: `${width}x${height}`, slide })
}

/**
 * Typed builders of filter graphs. `filter` makes any filter, `chain` connects filters in a row,
 * `link` gives labels to the ends of a chain, `parallel` puts chains side by side.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { filters } from '@spindle/io/media'
 *
 * const { chain, filter, fps, link, overlay, scale } = filters
 * assert.equal(chain(fps(10), scale({ width: 224, height: 224 })), 'fps=fps=10,scale=w=224:h=224')
 * assert.equal(link(['big', 'small'], overlay({ x: 8, y: 8 }), ['out']), '[big][small]overlay=x=8:y=8[out]')
 * assert.equal(filter('drawtext', { text: "it's 5:00" }), String.raw`drawtext=text=it\\\'s 5\\:00`)
 * ```
 */
export const filters: {
  readonly filter: typeof filter
  readonly chain: typeof chain
  readonly link: typeof link
  readonly parallel: typeof parallel
  /**
   * Scales pictures. Without one side, it follows from the other, rounded to even. `fit` keeps the
   * aspect ratio: `'inside'` the given size, or `'cover'`ing it.
   */
  readonly scale: typeof scale
  /** Crops pictures. Default position: the middle. */
  readonly crop: typeof crop
  /** Adds borders. Default: black, with the picture in the middle. */
  readonly pad: typeof pad
  /** Sets the pictures per second; pictures are repeated or dropped. */
  readonly fps: typeof fps
  /** Converts to the first of these pixel formats that fits. */
  readonly format: typeof format
  /** Keeps the pictures of a time range; with `resetTime`, times begin at 0 again. */
  readonly trim: typeof trim
  readonly atrim: typeof atrim
  readonly transpose: typeof transpose
  readonly hflip: () => string
  readonly vflip: () => string
  readonly rotate: typeof rotate
  /** Draws the second input over the first. */
  readonly overlay: typeof overlay
  /** Puts inputs side by side, or one below another. */
  readonly stack: typeof stack
  /** Copies the input to several outputs. */
  readonly split: typeof split
  readonly brightness: typeof brightness
  readonly blur: typeof blur
  readonly setpts: typeof setpts
  /** Adds pictures at the end: the last one again, or of one colour. */
  readonly extend: typeof extend
  readonly aresample: typeof aresample
  readonly aformat: typeof aformat
  /** Plays sound faster or slower at the same pitch. */
  readonly atempo: typeof atempo
  /** Changes the volume by a factor, or by a value such as `'-6dB'`. */
  readonly volume: typeof volume
  /** Mixes channels from others: `pan('mono', ['c0=0.5*c0+0.5*c1'])`. */
  readonly pan: typeof pan
  readonly amix: typeof amix
  /** Draws the waves of a sound. */
  readonly showwaves: typeof showwaves
  readonly showspectrum: typeof showspectrum
} = {
  ...{ filter, chain, link, parallel, scale, crop, pad, fps, format, trim, atrim, transpose },
  ...{
    rotate,
    overlay,
    stack,
    split,
    brightness,
    blur,
    setpts,
    extend,
    aresample,
    aformat,
    atempo,
    volume,
  },
  ...{
    pan,
    amix,
    showwaves,
    showspectrum,
    hflip: () => filter('hflip'),
    vflip: () => filter('vflip'),
  },
}

function plainText(value: Value): string {
  if (value === true) return '1'
  if (value === false) return '0'
  return String(value)
}

/** Quotes twice: for the filter's options and for the graph. */
function quote(value: string): string {
  const once = value.replaceAll(/[\\':]/g, '\\$&')
  return once.replaceAll(/[\\'[\],;]/g, '\\$&')
}
