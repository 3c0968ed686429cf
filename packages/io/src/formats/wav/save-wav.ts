import { checkPath, writeFileAtomically, writeFileAtomicallySync } from '../../files/atomic-file.ts'
import { run, runSync } from '../../files/routine.ts'
import { type SaveWavOptions, type WavInput, wavRoutine } from './encode-wav.ts'

/**
 * Saves samples as a WAV file, RF64 if it is larger than 4 GiB. The file appears whole or not at
 * all, as with `saveNpy`.
 *
 * @param path a path or `file:` URL; an existing file is replaced
 * @throws MediaError `ERR_WRITE` if the file system refuses; `ERR_BAD_OPTION` as `encodeWav`
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { loadWav, saveWav } from '@spindle/io'
 *
 * const path = `${process.env.TMPDIR ?? '/tmp'}/silence-${process.pid}.wav`
 * const silence = { data: new Float32Array(2 * 8000), dtype: 'float32', shape: [2, 8000] } as const
 * await saveWav(path, silence, { sampleRate: 8000, layout: 'CT', encoding: 'pcm24' })
 * const audio = await loadWav(path)
 * assert.equal(audio.header.bitsPerSample, 24)
 * await saveWav(path, audio, { encoding: 'pcm24' }) // sample rate and layout are those of `audio`
 * ```
 */
export async function saveWav(
  path: string | URL,
  audio: WavInput,
  options: SaveWavOptions = {},
): Promise<void> {
  checkPath(path)
  const routine = wavRoutine(audio, options)
  await writeFileAtomically(path, (writer) => run(routine, { writer }))
}

/** The synchronous form of {@link saveWav}, for worker ops. */
export function saveWavSync(
  path: string | URL,
  audio: WavInput,
  options: SaveWavOptions = {},
): void {
  checkPath(path)
  const routine = wavRoutine(audio, options)
  writeFileAtomicallySync(path, (writer) => runSync(routine, { writer }))
}
