import type { FilterGraph } from 'node-av/lib'
import { type FFmpeg, problemOf } from './library.ts'

/**
 * Builds a filter graph from its description, which includes its ends. The caller frees it.
 *
 * @throws Error of FFmpeg
 */
export function buildGraph(ffmpeg: FFmpeg, description: string, threads: number): FilterGraph {
  const graph = new ffmpeg.av.FilterGraph()
  graph.alloc()
  graph.nbThreads = threads
  try {
    const parsed = graph.parsePtr(description, null, null)
    if (parsed < 0) throw new Error(problemOf(ffmpeg, parsed, 'parsing'))
    const configured = graph.configSync()
    if (configured < 0) throw new Error(problemOf(ffmpeg, configured, 'building'))
    return graph
  } catch (error) {
    graph.free()
    throw error
  }
}
