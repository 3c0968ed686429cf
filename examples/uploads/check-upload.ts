// Runs in a process of its own for each upload. It reports what the file is, and whether it can be
// decoded.
import { execFileSync } from 'node:child_process'
import { MediaError } from '@spindle/io'
import { loadAudioSync, loadImageSync, probeSync, sampleVideoSync } from '@spindle/io/sync'

/** The limits of an upload. */
export const LIMITS = {
  maxPixels: 50_000_000, // a phone's largest picture
  maxResultBytes: 400_000_000,
  maxDurationSec: 600,
} as const

/** The result: plain data, with nothing from the file except numbers. */
export type Verdict =
  | { readonly ok: true; readonly kind: 'image' | 'audio' | 'video' }
  | { readonly ok: false; readonly code: string }

/**
 * Called once in each process: larger allocations fail there. Linux has a limit for that;
 * containers have others.
 */
export function limitMemory(bytes: number): void {
  if (process.platform !== 'linux') return
  try {
    execFileSync('prlimit', ['--pid', String(process.pid), `--data=${bytes}`])
  } catch (error) {
    process.emitWarning(`no limit of memory: ${(error as Error).message}. Give the container one.`)
  }
}

export function checkUpload(path: string): Verdict {
  try {
    const info = probeSync(path)
    if (info.kind !== 'image' && (info.durationSec ?? 0) > LIMITS.maxDurationSec)
      return { ok: false, code: 'ERR_TOO_LARGE' }
    const { maxPixels, maxResultBytes, maxDurationSec } = LIMITS
    if (info.kind === 'video')
      sampleVideoSync(path, { count: 3, height: 320, maxPixels, maxResultBytes })
    else if (info.kind === 'audio')
      loadAudioSync(path, { window: [0, 10], maxDurationSec, maxResultBytes })
    else loadImageSync(path, { width: 320, height: 320, maxPixels, maxResultBytes })
    return { ok: true, kind: info.kind }
  } catch (error) {
    if (error instanceof MediaError) return { ok: false, code: error.code }
    throw error
  }
}
