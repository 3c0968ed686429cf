import { toPath } from '../file-place.ts'
import { mayInspect } from './may-inspect.ts'
import { sourceLineOf } from './source-line.ts'
import type { StackFrame } from './watch-protocol.ts'

/** Any user function. */
export type Code = (...args: never[]) => unknown

/** The range of a function's text in its script. Lines and columns count from 1. */
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
 * Makes {@link isFrameOf} exact. Without the inspector (which some builds of Node lack), only names
 * are compared.
 */
export async function loadInspector(): Promise<void> {
  if (!mayInspect()) return
  try {
    inspector ??= await import('node:inspector')
  } catch {
    // Compare names instead.
  }
}

/** The place in the source where a stage was added. */
export interface Added {
  readonly file: string
  readonly line: number
}

/** Maximum distance in lines between the call that adds a stage and a function written there. */
const NEAR = 3

/**
 * Whether a frame is in a function, or in one written inside it. V8 tells the place of a function
 * in its script, but not which script that is. So either the name must match too, or the function
 * must be written where the stage was added.
 */
export function isFrameOf(frame: StackFrame, code: Code, added: Added | undefined): boolean {
  const name = code.name.replace(/^bound /, '')
  const hasName = name !== '' && frame.function.split('.').at(-1) === name
  const place = placeOf(code)
  if (place === undefined) return hasName
  return contains(place, frame) && (hasName || isWrittenAt(place, frame, added))
}

function isWrittenAt(
  place: FunctionPlace,
  { file: script, source }: StackFrame,
  added: Added | undefined,
): boolean {
  // With source maps, the place where the stage was added is a place in the source.
  if (
    added === undefined ||
    ![script, source?.file ?? script].some((file) => toPath(file) === added.file)
  )
    return false
  const line = sourceLineOf(script, place.fromLine, place.fromColumn)
  return line >= added.line - NEAR && line <= added.line + NEAR
}

function contains(place: FunctionPlace, { line, column }: StackFrame): boolean {
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

/**
 * Finds the place through an inspector session with this thread, which answers at once. No debugger
 * is enabled.
 */
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
  // V8 points at the parameters, after the name. The part before them never runs.
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
