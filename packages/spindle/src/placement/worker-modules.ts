import { InfrastructureError, messageOf } from '../errors.ts'
import { canStripTypes, isTypeScript, registerTsx, sourceOf } from './typescript.ts'

/** An op as a worker is told of it. */
export interface OpReference {
  readonly href: string
  readonly exportName: string
  readonly init: string | undefined
}

export type Op = (item: unknown, context: unknown) => unknown
export type Exports = Readonly<Record<string, unknown>>

const inits = new Map<string, Promise<void>>()
let isTsxRegistered = false

/** Loads an op: its module, and the module's `init` if this worker has not called it yet. */
export async function loadOp(reference: OpReference): Promise<Op> {
  const { href, exportName, init } = reference
  const exports = await importModule(href)
  const op = functionOf(exports, exportName, href)
  if (init !== undefined) {
    const key = `${href} ${init}`
    let running = inits.get(key)
    if (running === undefined) {
      running = callInit(functionOf(exports, init, href), init, href)
      inits.set(key, running)
    }
    await running
  }
  return op
}

async function callInit(init: Op, name: string, href: string): Promise<void> {
  try {
    await init(undefined, undefined)
  } catch (error) {
    throw new InfrastructureError(
      'ERR_WORKER_START',
      `init function ${name} of ${href} failed: ${messageOf(error)}`,
      {
        cause: error,
      },
    )
  }
}

/** Tells that tsx runs in this thread already. */
export function markTsx(): void {
  isTsxRegistered = true
}

/** Imports a module, from TypeScript too. @throws `ERR_WORKER_MODULE`. */
export async function importModule(href: string): Promise<Exports> {
  const source = sourceOf(href)
  try {
    if (isTypeScript(source) && !canStripTypes() && !isTsxRegistered) {
      isTsxRegistered = true
      await registerTsx(source)
    }
    return (await import(source)) as Exports
  } catch (error) {
    const tried = source === href ? href : `${href} (found ${source})`
    const remedies =
      'build it, or run from TypeScript with tsx installed or Node >= 22.18; write .js in import.meta.resolve()'
    throw new InfrastructureError(
      'ERR_WORKER_MODULE',
      `cannot load ${tried}: ${messageOf(error)}; ${remedies}`,
      {
        cause: error,
      },
    )
  }
}

function functionOf(exports: Exports, name: string, href: string): Op {
  const exported = exports[name]
  if (typeof exported === 'function') return exported as Op
  const has = Object.keys(exports).join(', ') || 'nothing'
  const wrong = name in exports ? `export ${name} is no function` : `there is no export ${name}`
  throw new InfrastructureError('ERR_WORKER_MODULE', `${wrong} in ${href}; it exports ${has}`)
}
