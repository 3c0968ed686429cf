import { MediaError } from '../../base/errors.ts'
import { isOpenEnded } from '../../ffmpeg/containers/open-ended.ts'
import { withFile } from '../../files/open-file.ts'
import type { DemuxSource } from './open-input.ts'

/** Whether a truncated last packet is no damage: in WAV and CAF files without a length. */
export function endsAnywhere(format: string | null | undefined, source: DemuxSource): boolean {
  if ((format !== 'wav' && format !== 'caf') || !isFile(source)) return false
  return withFile(source, ({ reader }) => isOpenEnded(reader))
}

/**
 * Refuses big-endian WAV files, which FFmpeg reads as little-endian.
 *
 * @throws MediaError `ERR_UNSUPPORTED`
 */
export function refuseBigEndian(format: string | null | undefined, source: DemuxSource): void {
  if (format !== 'wav' || !isFile(source)) return
  const head = withFile(source, ({ reader }) => reader.read(0, Math.min(4, reader.size)))
  if (Buffer.from(head).toString('latin1') === 'RIFX')
    throw new MediaError(
      'ERR_UNSUPPORTED',
      'a big-endian WAV file (RIFX), which `loadAudio` and `loadWav` read',
    )
}

function isFile(source: DemuxSource): boolean {
  return !(source instanceof URL) || source.protocol === 'file:'
}
