import type { FFmpeg } from './library.ts'

/** FFmpeg's number of a sample format. */
export type AvSampleFormat = Parameters<FFmpeg['av']['avGetSampleFmtName']>[0]

/** dtype -> FFmpeg's name, without the `p` of planar formats. */
export const SAMPLE_FORMATS = {
  uint8: 'u8',
  int16: 's16',
  int32: 's32',
  int64: 's64',
  float32: 'flt',
  float64: 'dbl',
} as const

/** The dtypes of FFmpeg's samples. */
export type SampleDType = keyof typeof SAMPLE_FORMATS

/** FFmpeg's number for a dtype. */
export function sampleFormatOf(
  { av }: FFmpeg,
  { dtype, isPlanar }: { readonly dtype: SampleDType; readonly isPlanar: boolean },
): AvSampleFormat {
  const name = SAMPLE_FORMATS[dtype]
  return av.avGetSampleFmtFromName(isPlanar ? `${name}p` : name)
}

/** The dtype of a sample format by its name, planar or not; `undefined` if there is none. */
export function sampleDTypeOf(name: string | null): SampleDType | undefined {
  const packed = name?.replace(/p$/, '')
  return (Object.keys(SAMPLE_FORMATS) as SampleDType[]).find(
    (dtype) => SAMPLE_FORMATS[dtype] === packed,
  )
}
