import { toPath } from '../file-place.ts'
import { mayInspect } from './may-inspect.ts'
import { sourceLineOf } from './source-line.ts'
import type { Frame } from './watch-protocol.ts'

/** Any function of the user's. */
export type Code = (...args: never[]) => unknown

/** Where a function's text lies in its script; lines and columns from 1. */
interface FunctionPlace {
  readonly fromLine: number
  readonly fromColumn: number
  readonly toLine: number
  readonly toColumn: number
}

const KEY = 'spindle.function-place'
const places: WeakMap<Code, FunctionPlace | undefined> = new WeakMap()
let inspector: typeof import('node:inspector') | undefined

/**
 * Makes {@link isFrameOf} exact; without it (and in builds of Node without an inspector) names have
 * to do.
 */
export async function loadInspector(): Promise<void> {
  if (!mayInspect()) return
  try {
    inspector ??= await import('node:inspector')
  } catch {
    // Names have to do.
  }
}

/** Where a stage was added, in the source. */
export interface Added {
  readonly file: string
  readonly line: number
}

/** Lines between the call that adds a stage and the function that is written there. */
const NEAR = 3

/**
 * Whether a frame is in a function or in one that is written inside it. What V8 tells of a function
 * is where in its script it lies, not which script that is: so either the name must fit, too, or it
 * must be a function that is written where the stage was added.
 */
export function isFrameOf(frame: Frame, code: Code, added: Added | undefined): boolean {
  const name = code.name.replace(/^bound /, '')
  const hasName = name !== '' && frame.function.split('.').at(-1) === name
  const place = placeOf(code)
  if (place === undefined) return hasName
  return contains(place, frame) && (hasName || isWrittenAt(place, frame, added))
}

function isWrittenAt(
  place: FunctionPlace,
  { file: script, source }: Frame,
  added: Added | undefined,
): boolean {
  // Where source maps are on, what adds the stage is known by its source.
  if (
    added === undefined ||
    ![script, source?.file ?? script].some((file) => toPath(file) === added.file)
  )
    return false
  const line = sourceLineOf(script, place.fromLine, place.fromColumn)
  return line >= added.line - NEAR && line <= added.line + NEAR
}

function contains(place: FunctionPlace, { line, column }: Frame): boolean {
  const isAfter = line > place.fromLine || (line === place.fromLine && column >= place.fromColumn)
  const isBefore = line < place.toLine || (line === place.toLine && column <= place.toColumn)
  return isAfter && isBefore
}

function placeOf(code: Code): FunctionPlace | undefined {
  if (!places.has(code)) places.set(code, findPlace(code))
  return places.get(code)
}

interface Location {
  readonly lineNumber: number
  readonly columnNumber?: number
}

/** A session with this thread itself answers at once; no debugger is enabled. */
function findPlace(code: Code): FunctionPlace | undefined {
  if (inspector === undefined) return undefined
  const globals = globalThis as { [key: symbol]: unknown }
  let location: Location | undefined
  const session = new inspector.Session()
  globals[Symbol.for(KEY)] = code
  try {
    session.connect()
    session.post(
      'Runtime.evaluate',
      { expression: `globalThis[Symbol.for('${KEY}')]` },
      (_, made) => {
        const objectId = made?.result?.objectId
        if (objectId === undefined) return
        session.post('Runtime.getProperties', { objectId, ownProperties: true }, (_, answer) => {
          const found = answer?.internalProperties?.find(
            ({ name }) => name === '[[FunctionLocation]]',
          )
          location = found?.value?.value as Location | undefined
        })
      },
    )
  } catch {
    return undefined
  } finally {
    session.disconnect()
    delete globals[Symbol.for(KEY)]
  }
  if (location === undefined) return undefined
  // V8 points at the parameters, behind the name; what is before them never runs.
  const { lineNumber, columnNumber = 0 } = location
  const text = Function.prototype.toString.call(code)
  const lines = text.split('\n')
  const fromLine = lineNumber + 1
  const fromColumn = columnNumber + 1
  const last = lines.at(-1)?.length ?? 0
  return {
    fromLine,
    fromColumn,
    toLine: fromLine + lines.length - 1,
    toColumn: lines.length === 1 ? fromColumn + last : last,
  }
}
