import { isWorkerOp } from '../engine/worker-op.ts'
import { SpindleError } from '../errors.ts'

const functionsOf = {
  // Aggregators and `transfer` run on this loop.
  threads: ['preprocess', 'collate'],
  worker: ['preprocess', 'aggregate', 'collate', 'transfer'],
} as const

const dataOf = ['build', 'preprocessOptions', 'collateOptions', 'transferOptions'] as const

type OptionName = (typeof functionsOf)[keyof typeof functionsOf][number] | (typeof dataOf)[number]

/**
 * Checks that functions which cannot leave this thread are given by reference. The error comes when
 * the loader is made and says what to do.
 */
export function checkReferences(
  source: unknown,
  options: Readonly<Partial<Record<OptionName, unknown>>>,
  placement: 'threads' | 'worker',
): void {
  for (const name of functionsOf[placement]) {
    if (options[name] !== undefined && !isWorkerOp(options[name]))
      refuse('ERR_BAD_OPTION', `\`${name}\` must be given by reference`, placement)
  }
  if (placement === 'threads') return
  if (!isWorkerOp(source) && !isData(source)) {
    const rule =
      '`source` must be an array, a typed array, a Set or a Map, or a function by reference that makes one'
    refuse('ERR_BAD_SOURCE', rule, placement)
  }
  for (const name of dataOf) {
    const path = functionIn(options[name], name)
    if (path !== undefined)
      refuse(
        'ERR_BAD_OPTION',
        `\`${path}\` must be left out, for it is a function or has one`,
        placement,
      )
  }
}

function refuse(
  code: 'ERR_BAD_OPTION' | 'ERR_BAD_SOURCE',
  rule: string,
  placement: 'threads' | 'worker',
): never {
  const reason = 'functions and their variables cannot leave this thread'
  const advice =
    "export it from a module and give workerModule<typeof Ops>(import.meta.resolve('./ops.js')).…"
  const instead =
    placement === 'worker'
      ? ", or export the whole DataLoader, without `placement`, from a module and iterate runPipelineInWorker(import.meta.resolve('./loader.js'))"
      : ''
  throw new SpindleError(
    code,
    `${rule} with \`placement: '${placement}'\`: ${reason}; ${advice}${instead}`,
  )
}

function isData(source: unknown): boolean {
  return (
    Array.isArray(source) ||
    ArrayBuffer.isView(source) ||
    source instanceof Map ||
    source instanceof Set ||
    typeof source === 'string'
  )
}

/** The path of a function among the options, at any depth. */
function functionIn(value: unknown, path: string): string | undefined {
  if (typeof value === 'function') return path
  if (typeof value !== 'object' || value === null) return undefined
  for (const [name, member] of Object.entries(value)) {
    const found = functionIn(member, `${path}.${name}`)
    if (found !== undefined) return found
  }
  // The methods of an executor or a logger are on its class.
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null || Array.isArray(value)
    ? undefined
    : path
}
