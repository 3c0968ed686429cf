import type { Frame as AvFrame } from 'node-av/lib'
import { Frames } from './frames.ts'

/**
 * Regroups frames into sets of exactly `size`, except the last, and disposes of the given sets.
 * `undefined` keeps the sets. No set is empty.
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
