import type { Codec, CodecContext, HardwareDeviceContext } from 'node-av/lib'
import { boolean, choice, either, type Rule, type Rules, text } from 'spindle/options'
import { MediaError } from '../../base/errors.ts'
import { mediaOptions } from '../../base/options.ts'
import type { FFmpeg } from '../../ffmpeg/library.ts'

const KINDS = [
  'cuda',
  'videotoolbox',
  'd3d11va',
  'vaapi',
  'qsv',
  'vulkan',
  'd3d12va',
  'dxva2',
  'vdpau',
  'drm',
] as const

/** A kind of device that decodes, by FFmpeg's name. */
export type HardwareKind = (typeof KINDS)[number]

/** The device that decodes. */
export interface HardwareChoice {
  /** Kind of device; `'auto'` tries CUDA, VideoToolbox, D3D11VA and VAAPI. */
  readonly kind: HardwareKind | 'auto'
  /** The device, if there are several: `'0'`, `'/dev/dri/renderD128'`. Default: FFmpeg's. */
  readonly device?: string
  /**
   * Whether to decode on the CPU if the device is not available. Default: true for `'auto'`, false
   * for a named device.
   */
  readonly fallback?: boolean
}

/** The result of the request for hardware. */
export interface HardwareReport {
  /** The device that decodes; `undefined` for the CPU. */
  readonly used: HardwareKind | undefined
  /** Failed attempts and their reasons. */
  readonly tried: readonly { readonly kind: HardwareKind; readonly problem: string }[]
}

/** A device that was set up. The owner of the decoder frees it. */
export interface Hardware {
  readonly report: HardwareReport
  readonly device: HardwareDeviceContext | undefined
}

/** Kinds that `'auto'` tries, in this order. */
const AUTO: readonly HardwareKind[] = ['cuda', 'videotoolbox', 'd3d11va', 'vaapi']

/** FFmpeg's `AV_CODEC_HW_CONFIG_METHOD_HW_DEVICE_CTX`. */
const BY_DEVICE = 1

const NONE: Hardware = { report: { used: undefined, tried: [] }, device: undefined }

type GivenHardware = HardwareKind | 'auto' | 'none' | HardwareChoice

/** The rule of `hardware`. */
export const hardwareRule: Rule<GivenHardware, 'maybe'> = either(
  choice(['none', 'auto', ...KINDS]),
  mediaOptions('HardwareChoice', {
    kind: choice(['auto', ...KINDS], { required: true }),
    device: text(),
    fallback: boolean(),
  } satisfies Rules<HardwareChoice>),
)

/** The device of a checked option. `undefined`: the CPU decodes. */
export function hardwareChoice(given: GivenHardware = 'none'): HardwareChoice | undefined {
  if (given === 'none') return undefined
  return typeof given === 'string' ? { kind: given } : given
}

/**
 * Sets up a device for a decoder that is not open yet.
 *
 * @throws MediaError `ERR_UNSUPPORTED` if that fails and there is no fallback
 */
export function useHardware(
  ffmpeg: FFmpeg,
  choice: HardwareChoice | undefined,
  codec: Codec,
  decoder: CodecContext,
): Hardware {
  if (choice === undefined) return NONE
  const { kind, device, fallback = kind === 'auto' } = choice
  const tried: { kind: HardwareKind; problem: string }[] = []
  for (const one of kind === 'auto' ? AUTO : [kind]) {
    const made = tryDevice(ffmpeg, one, device, codec, decoder)
    if (typeof made !== 'string') return { report: { used: one, tried }, device: made }
    tried.push({ kind: one, problem: made })
  }
  if (fallback) return { report: { used: undefined, tried }, device: undefined }
  const problems = tried.map(({ kind: one, problem }) => `${one}: ${problem}`).join('; ')
  throw new MediaError('ERR_UNSUPPORTED', `no device to decode ${codec.name} with (${problems})`)
}

/** The device, or the reason of the failure. */
function tryDevice(
  { av }: FFmpeg,
  kind: HardwareKind,
  name: string | undefined,
  codec: Codec,
  decoder: CodecContext,
): HardwareDeviceContext | string {
  const type = av.HardwareDeviceContext.findTypeByName(kind as never)
  if (!av.HardwareDeviceContext.iterateTypes().includes(type))
    return 'this FFmpeg is built without it'
  const pixelFormat = hardwareFormat(codec, type)
  if (pixelFormat === undefined) return `its decoder of ${codec.name} does not use it`
  const device = new av.HardwareDeviceContext()
  const result = device.create(type, name ?? null, null)
  if (result < 0) {
    device.free()
    return `the device does not open: ${av.FFmpegError.strerror(result)}`
  }
  decoder.hwDeviceCtx = device
  decoder.setHardwarePixelFormat(pixelFormat)
  return device
}

function hardwareFormat(
  codec: Codec,
  type: number,
): Parameters<CodecContext['setHardwarePixelFormat']>[0] | undefined {
  for (let i = 0; ; i++) {
    const config = codec.getHwConfig(i)
    if (config === null) return undefined
    if (config.deviceType === type && (config.methods & BY_DEVICE) !== 0) return config.pixFmt
  }
}
