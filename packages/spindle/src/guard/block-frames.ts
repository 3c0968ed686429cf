import { isOwnFile, shorter, toPath } from '../file-place.ts'
import { sourceLineOf } from './source-line.ts'
import type { LoopSample, StackFrame } from './watch-protocol.ts'

/**
 * Returns the sample whose code occurs most often, because a sample may come late, when the block
 * is just over. If no sample shows user code, returns the first.
 */
export function bestSample(
  samples: readonly LoopSample[],
  usersOf: (frames: readonly StackFrame[]) => readonly StackFrame[],
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

/** Whether a frame belongs to user code and not to Node or this package. */
export function isUsers({ file }: StackFrame): boolean {
  return file !== '' && !file.startsWith('node:') && !isOwnFile(toPath(file))
}

/**
 * The name of a frame's function. V8 composes names like `builder.pipe.map` for anonymous
 * functions; these count as anonymous.
 */
export function nameOf({ function: name }: StackFrame): string {
  const last = /^(?:module\.)?(?:exports\.)?([^.]+)$/.exec(name)?.[1]
  return last ?? 'anonymous function'
}

/** `function (file:line)`. */
export function showFrame(frame: StackFrame): string {
  return `${frame.isAsync ? 'async ' : ''}${nameOf(frame)} (${placeOf(frame)})`
}

/**
 * `file:line` in the source, by the map beside the script or by the map of a loader such as tsx.
 */
export function placeOf({ file, line, column, source }: StackFrame): string {
  if (source !== undefined) return `${shorter(toPath(source.file))}:${source.line}`
  return `${shorter(toPath(file))}:${sourceLineOf(file, line, column)}`
}
