import { isOwnFile, shorter, toPath } from '../file-place.ts'
import { sourceLineOf } from './source-line.ts'
import type { Frame, LoopSample } from './watch-protocol.ts'

/**
 * The sample that shows what most of them do: one may have been taken late, when the block was just
 * over. The first, if none shows anything.
 */
export function bestSample(
  samples: readonly LoopSample[],
  usersOf: (frames: readonly Frame[]) => readonly Frame[],
): LoopSample | undefined {
  const places = samples.map(({ frames }) => {
    const [frame] = usersOf(frames)
    return frame === undefined ? '' : `${frame.function} ${frame.file}:${frame.line}`
  })
  let [best] = samples
  let most = 0
  for (const [i, place] of places.entries()) {
    const count = place === '' ? 0 : places.filter((other) => other === place).length
    if (count > most) [best, most] = [samples[i] as LoopSample, count]
  }
  return best
}

/** Whether it is the user's code: neither Node's nor this package's. */
export function isUsers({ file }: Frame): boolean {
  return file !== '' && !file.startsWith('node:') && !isOwnFile(toPath(file))
}

/**
 * V8 makes names like `builder.pipe.map` up for functions without one, from what stands about them.
 */
export function nameOf({ function: name }: Frame): string {
  const last = /^(?:module\.)?(?:exports\.)?([^.]+)$/.exec(name)?.[1]
  return last ?? 'anonymous function'
}

/** `function (file:line)`. */
export function showFrame(frame: Frame): string {
  return `${frame.isAsync ? 'async ' : ''}${nameOf(frame)} (${placeOf(frame)})`
}

/**
 * `file:line` in the source: by the map beside the script, or by the one that a loader such as tsx
 * made.
 */
export function placeOf({ file, line, column, source }: Frame): string {
  if (source !== undefined) return `${shorter(toPath(source.file))}:${source.line}`
  return `${shorter(toPath(file))}:${sourceLineOf(file, line, column)}`
}
