import type { Frame as AvFrame } from 'node-av/lib'
import { Frames } from './frames.ts'

/**
 * The frames of sets, which are disposed of, in sets of exactly so many, but the last; `undefined`
 * leaves the sets as they are. None is empty.
 */
export function* regroup(sets: Iterable<Frames>, size: number | undefined): Generator<Frames> {
  const waiting: AvFrame[] = []
  try {
    for (const frames of sets) {
      if (size === undefined) {
        if (frames.length > 0) yield frames
        else frames[Symbol.dispose]()
        continue
      }
      try {
        for (const frame of frames.borrow()) waiting.push(frame.clone()!)
      } finally {
        frames[Symbol.dispose]()
      }
      while (waiting.length >= size) yield new Frames(waiting.splice(0, size))
    }
    if (waiting.length > 0) yield new Frames(waiting.splice(0))
  } finally {
    for (const frame of waiting) frame.free()
  }
}
