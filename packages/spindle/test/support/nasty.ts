// Values, errors and thenables that run code, or throw, wherever they are touched.
import assert from 'node:assert/strict'

export const bang = (): never => {
  throw new Error('read')
}

/** Values that run code, or throw, wherever they are touched. None of them is to be awaited. */
export const nasty: Readonly<Record<string, () => unknown>> = {
  'a getter that throws': () => Object.defineProperty({}, 'x', { get: bang, enumerable: true }),
  'a `then` that cannot be read': () => Object.defineProperty({}, 'then', { get: bang }),
  'a strict Proxy': () =>
    new Proxy({}, { get: bang, has: bang, ownKeys: bang, getPrototypeOf: bang }),
  'a revoked Proxy': () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy
  },
  'an object without prototype': () => Object.create(null),
  'a Proxy of a function': () => new Proxy(() => {}, { get: bang, getPrototypeOf: bang }),
}

/** Things to throw that throw when they are looked at. */
export const nastyErrors: Readonly<Record<string, () => unknown>> = {
  ...nasty,
  'an error whose message throws': () =>
    Object.defineProperty(new Error(), 'message', { get: bang }),
  'an error whose stack and cause throw': () =>
    Object.defineProperties(new Error('x'), { stack: { get: bang }, cause: { get: bang } }),
  'an error whose message is no text': () =>
    Object.defineProperty(new Error(), 'message', {
      value: { toString: bang, [Symbol.toPrimitive]: bang },
    }),
  'an error whose name and code throw': () =>
    Object.defineProperties(new Error('x'), { name: { get: bang }, code: { get: bang } }),
  'an error that says of itself that it is infrastructure, and throws': () =>
    Object.defineProperty(new Error('x'), 'isInfrastructure', { get: bang }),
  'a frozen error': () => Object.freeze(new Error('frozen')),
  'a Proxy of an error': () =>
    new Proxy(new Error('x'), { get: bang, has: bang, getPrototypeOf: bang }),
  'an object whose toString throws': () => ({ toString: bang }),
  'an error that is its own cause': () => {
    const error = new Error('round')
    error.cause = error
    return error
  },
  undefined: () => undefined,
  null: () => null,
  'a symbol': () => Symbol('thrown'),
}

/** Thenables, and what awaiting them must come to. */
export const thenables: Readonly<
  Record<string, { readonly make: () => unknown; readonly fails?: true }>
> = {
  'one that answers at once': { make: () => ({ then: (ok: (v: number) => void) => ok(1) }) },
  'one that answers twice': {
    make: () => ({
      then(ok: (v: number) => void, failed: (e: unknown) => void) {
        ok(1)
        ok(2)
        failed(new Error('late'))
      },
    }),
  },
  'one that is a function': {
    make: () => Object.assign(() => {}, { then: (ok: (v: number) => void) => ok(1) }),
  },
  'one that throws': { make: () => ({ then: bang }), fails: true },
  'one that can be read once': {
    make() {
      let reads = 0
      return Object.defineProperty({}, 'then', { get: () => (reads++ === 0 ? () => {} : bang()) })
    },
    fails: true,
  },
  'a subclass with a `then` of its own': {
    make() {
      class Lazy extends Promise<number> {
        override then(ok?: any): any {
          return ok(1)
        }
      }
      return new Lazy(() => {})
    },
  },
  'a subclass that makes no others': {
    make() {
      class Odd extends Promise<number> {
        constructor(executor: any) {
          super(typeof executor === 'string' ? (ok) => ok(1) : bang())
        }
      }
      return new (Odd as any)('made')
    },
    fails: true,
  },
}

const uncaught: unknown[] = []
export const note = (error: unknown): void => {
  uncaught.push(error)
}
export const clean = (what: string): void => {
  assert.deepEqual(uncaught.splice(0), [], `${what}: nothing is uncaught`)
}
