import { show } from '../check.ts'
import { messageOf, SpindleError } from '../errors.ts'

/** Where a value is to cross to, and what can. */
export interface Border {
  readonly to: 'thread' | 'process'
  readonly canCross: (value: unknown) => boolean
}

const toThread: Border = { to: 'thread', canCross: canBeCloned }

/** Why `value` cannot cross to another thread or process: `ERR_NOT_TRANSFERABLE`, with the path of the first field that cannot. */
export function notTransferable(
  value: unknown,
  what: string,
  cause: unknown,
  { to, canCross }: Border = toThread,
): SpindleError {
  const found = find(value, what, canCross, new Set())
  const reason = found === undefined ? messageOf(cause) : `${found.path} is ${found.description}`
  return new SpindleError('ERR_NOT_TRANSFERABLE', `${what} cannot cross to another ${to}: ${reason}`, {
    cause,
  })
}

interface Found {
  readonly path: string
  readonly description: string
}

function find(
  value: unknown,
  path: string,
  canCross: Border['canCross'],
  seen: Set<object>,
): Found | undefined {
  if (canCross(value)) return undefined
  if (typeof value === 'object' && value !== null && !seen.has(value)) {
    seen.add(value)
    for (const [step, member] of membersOf(value)) {
      const found = find(member, `${path}${step}`, canCross, seen)
      if (found !== undefined) return found
    }
    const isDetached =
      (value instanceof ArrayBuffer && value.byteLength === 0) ||
      (ArrayBuffer.isView(value) && value.buffer.byteLength === 0)
    if (isDetached)
      return { path, description: 'a buffer that was given away already: return a copy of what is kept' }
  }
  return { path, description: describe(value) }
}

function describe(value: unknown): string {
  if (typeof value === 'symbol') return 'a symbol'
  const memory = ArrayBuffer.isView(value) ? value.buffer : value
  return memory instanceof SharedArrayBuffer ? 'shared memory' : show(value)
}

function canBeCloned(value: unknown): boolean {
  try {
    structuredClone(value)
    return true
  } catch {
    return false
  }
}

function membersOf(value: object): (readonly [string, unknown])[] {
  if (ArrayBuffer.isView(value)) return []
  if (Array.isArray(value)) return value.map((member, i) => [`[${i}]`, member] as const)
  if (value instanceof Map)
    return [...value].flatMap(([key, member]) => [
      [`.key(${show(key)})`, key] as const,
      [`.get(${show(key)})`, member] as const,
    ])
  if (value instanceof Set) return [...value].map((member, i) => [`.values()[${i}]`, member] as const)
  return Object.entries(value).map(([key, member]) => [
    /^[\w$]+$/.test(key) ? `.${key}` : `[${show(key)}]`,
    member,
  ])
}
