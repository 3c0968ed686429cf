import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import type { OpReference } from '../../engine/worker-op.ts'
import { InfrastructureError, messageOf } from '../../errors.ts'
import { KEEP_EXTERNAL } from './bundled.ts'
import { asLoading, refusal } from './nesting.ts'
import { canStripTypes, isTypeScript, registerTsx, sourceOf } from './typescript.ts'

export type Op = (item: unknown, context: unknown) => unknown
export type Exports = Readonly<Record<string, unknown>>

/** A call of a module's `init`. */
interface Init {
  readonly args: unknown
  readonly done: Promise<void>
}

const inits = new Map<string, Init[]>()
let isTsxRegistered = false

/** Loads an op: its module, and the module's `init` if this worker has not called it yet. */
export async function loadOp(reference: OpReference): Promise<Op> {
  const { href, exportName, init, initArgs, bound } = reference
  const exports = await importModule(href)
  const op = functionOf(exports, exportName, href)
  if (init !== undefined) await initOnce(functionOf(exports, init, href), init, href, initArgs)
  // Work that the loading has begun may have been refused meanwhile.
  const refused = refusal()
  if (refused !== undefined) throw refused
  return bound === undefined ? op : bind(op as (...args: unknown[]) => unknown, bound)
}

/**
 * Calls the `init` of a pool or region.
 *
 * @throws `ERR_WORKER_MODULE`, `ERR_WORKER_START`
 */
export async function runInit(reference: OpReference, args: unknown): Promise<void> {
  await callInit(await loadOp(reference), reference.exportName, reference.href, args)
}

/** Calls `init` once for each value that it is called with. */
function initOnce(init: Op, name: string, href: string, args: unknown): Promise<void> {
  const key = `${href} ${name}`
  const calls = inits.get(key) ?? []
  inits.set(key, calls)
  const known = calls.find((call) => isDeepStrictEqual(call.args, args))
  if (known !== undefined) return known.done
  const done = callInit(init, name, href, args)
  calls.push({ args, done })
  return done
}

async function callInit(init: Op, name: string, href: string, args: unknown): Promise<void> {
  try {
    await asLoading(href, () => init(args, undefined))
  } catch (error) {
    throw (
      refusal() ??
      new InfrastructureError(
        'ERR_WORKER_START',
        `init function ${name} of ${href} failed: ${messageOf(error)}`,
        { cause: error },
      )
    )
  }
}

/**
 * The op with bound values after the item. The context comes last, if the function takes it. There
 * are two forms, because functions without a context are called without one.
 */
function bind(op: (...args: unknown[]) => unknown, bound: readonly unknown[]): Op {
  if (op.length > bound.length + 1) return (item, context) => op(item, ...bound, context)
  return (item) => op(item, ...bound)
}

/** Notes that tsx already runs in this thread. */
export function markTsx(): void {
  isTsxRegistered = true
}

/**
 * Imports a module, TypeScript included.
 *
 * @throws `ERR_WORKER_MODULE`.
 */
export async function importModule(href: string): Promise<Exports> {
  const source = sourceOf(href)
  try {
    if (isTypeScript(source) && !canStripTypes() && !isTsxRegistered) {
      isTsxRegistered = true
      await registerTsx(source)
    }
    return (await asLoading(href, () => import(source))) as Exports
  } catch (error) {
    const refused = refusal()
    if (refused !== undefined) throw refused
    const tried = source === href ? href : `${href} (found ${source})`
    const [problem] = messageOf(error).split('\n', 1)
    throw new InfrastructureError(
      'ERR_WORKER_MODULE',
      `cannot load ${tried}: ${problem}${remedyOf(source)}`,
      { cause: error },
    )
  }
}

function remedyOf(source: string): string {
  if (source.startsWith('file:') && !existsSync(fileURLToPath(source)))
    return `; there is no such file: build it, and write .js in import.meta.resolve() or new URL(). If a bundler made this program, ${KEEP_EXTERNAL}`
  return isTypeScript(source) && !canStripTypes()
    ? '; it is TypeScript: build it, install tsx beside it, or use Node >= 22.18'
    : ''
}

/**
 * A module's export. Of a CommonJS module Node may only know `module.exports`, which is its
 * `default`.
 */
export function exportOf(exports: Exports, name: string): unknown {
  if (name in exports) return exports[name]
  const bag = exports.default
  const isBag = (typeof bag === 'object' && bag !== null) || typeof bag === 'function'
  return isBag && Object.hasOwn(bag, name) ? (bag as Exports)[name] : undefined
}

/**
 * Imports a function that a module exports, TypeScript included, as the workers of this package do.
 *
 * @throws InfrastructureError `ERR_WORKER_MODULE`
 */
export async function loadFunction(
  href: string,
  exportName: string,
): Promise<(...args: never[]) => unknown> {
  return functionOf(await importModule(href), exportName, href) as (...args: never[]) => unknown
}

/** The names that a module exports, for messages. */
export function exportNames(exports: Exports): string {
  const bag = exports.default
  const inBag = typeof bag === 'object' && bag !== null ? Object.keys(bag) : []
  return [...new Set([...Object.keys(exports), ...inBag])].join(', ') || 'nothing'
}

function functionOf(exports: Exports, name: string, href: string): Op {
  const exported = exportOf(exports, name)
  if (typeof exported === 'function') return exported as Op
  const wrong =
    exported === undefined ? `there is no export ${name}` : `export ${name} is no function`
  throw new InfrastructureError(
    'ERR_WORKER_MODULE',
    `${wrong} in ${href}; it exports ${exportNames(exports)}`,
  )
}
