import { performance } from 'node:perf_hooks'
import { readFrames } from '../call-stack.ts'
import { scopedMark } from '../engine/flow/call-scopes.ts'
import { marker } from '../engine/flow/marker.ts'
import type { Frame, LoopSample } from './watch-protocol.ts'

const MOST_FRAMES = 64

/**
 * Makes a function callable from the watching thread, which evaluates its name in this one: that
 * works in the middle of whatever runs here, and, unlike pausing, needs no debugger (V8's makes
 * promises slower for the rest of the process's life). Returns the expression.
 */
export function offerSampler(running: () => readonly number[], hasDebugger: () => boolean): string {
  const name = `spindle.loop-sample.${Math.random().toString(36).slice(2)}`
  const sample = (): string => JSON.stringify(takeSample(sample, running, hasDebugger))
  Object.defineProperty(globalThis, Symbol.for(name), { value: sample, enumerable: false })
  return `globalThis[Symbol.for('${name}')]()`
}

/** Runs between two instructions of somebody else's code: it must leave everything as it was. */
function takeSample(
  above: (...args: never[]) => unknown,
  running: () => readonly number[],
  hasDebugger: () => boolean,
): LoopSample {
  return {
    word: marker[0] as number,
    turns: performance.nodeTiming.uvMetricsInfo.loopCount,
    // The first is the evaluated expression.
    frames: readFrames(MOST_FRAMES, above, toFrame).slice(1),
    running: running(),
    scope: scopedMark(),
    hasDebugger: hasDebugger(),
  }
}

function toFrame(site: NodeJS.CallSite): Frame {
  return {
    function: site.getFunctionName() ?? '',
    file: site.getScriptNameOrSourceURL?.() ?? site.getFileName() ?? '',
    line: site.getLineNumber() ?? 0,
    column: site.getColumnNumber() ?? 0,
    isAsync: (site as { isAsync?(): boolean }).isAsync?.() === true,
  }
}
