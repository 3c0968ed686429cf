import { performance } from 'node:perf_hooks'
import { readFrames } from '../call-stack.ts'
import { scopedMark } from '../engine/flow/call-scopes.ts'
import { callWords } from '../engine/flow/current-call.ts'
import type { LoopSample, StackFrame } from './watch-protocol.ts'

const MOST_FRAMES = 64

/**
 * Makes a function callable from the watching thread, which evaluates its name in this thread. That
 * works in the middle of any code. Unlike pausing, it needs no debugger, which would make V8's
 * promises slower for the rest of the process's life. Returns the expression to evaluate.
 */
export function offerSampler(running: () => readonly number[], hasDebugger: () => boolean): string {
  const name = `spindle.loop-sample.${Math.random().toString(36).slice(2)}`
  const sample = (): string => JSON.stringify(takeSample(sample, running, hasDebugger))
  Object.defineProperty(globalThis, Symbol.for(name), { value: sample, enumerable: false })
  return `globalThis[Symbol.for('${name}')]()`
}

/** Runs between two instructions of other code, so it must leave everything unchanged. */
function takeSample(
  above: (...args: never[]) => unknown,
  running: () => readonly number[],
  hasDebugger: () => boolean,
): LoopSample {
  return {
    word: callWords[0] as number,
    turns: performance.nodeTiming.uvMetricsInfo.loopCount,
    // Skip the first frame, which is the evaluated expression.
    frames: readFrames(MOST_FRAMES, above, toFrame).slice(1),
    running: running(),
    scope: scopedMark(),
    hasDebugger: hasDebugger(),
  }
}

function toFrame(site: NodeJS.CallSite): StackFrame {
  return {
    function: site.getFunctionName() ?? '',
    file: site.getScriptNameOrSourceURL?.() ?? site.getFileName() ?? '',
    line: site.getLineNumber() ?? 0,
    column: site.getColumnNumber() ?? 0,
    isAsync: (site as { isAsync?(): boolean }).isAsync?.() === true,
  }
}
