import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { readFrames, stackText } from '../../src/call-stack.ts'

const names = ['prepareStackTrace', 'stackTraceLimit'] as const
const before = names.map((name) => Object.getOwnPropertyDescriptor(Error, name))

function restore(): void {
  for (const [i, name] of names.entries()) {
    Reflect.deleteProperty(Error, name)
    const descriptor = before[i]
    if (descriptor !== undefined) Object.defineProperty(Error, name, descriptor)
  }
}

function here(): readonly string[] {
  return readFrames(5, here, (site) => site.getFunctionName() ?? '')
}

describe('reading the stack leaves Error as it was', () => {
  afterEach(restore)

  const programs: { readonly [what: string]: PropertyDescriptor | undefined } = {
    'a function of the program': {
      value: () => 'mine',
      writable: true,
      enumerable: true,
      configurable: true,
    },
    'one that is not enumerable, and read-only': {
      value: () => 'mine',
      writable: false,
      configurable: true,
    },
    'an accessor, whose setter is not called': {
      get: () => () => 'mine',
      set: () => assert.fail('the setter was called'),
      configurable: true,
    },
    nothing: undefined,
  }
  for (const [what, descriptor] of Object.entries(programs)) {
    it(`where prepareStackTrace is ${what}`, () => {
      Reflect.deleteProperty(Error, 'prepareStackTrace')
      if (descriptor !== undefined) Object.defineProperty(Error, 'prepareStackTrace', descriptor)
      const set = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace')
      const limit = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit')
      function caller(): readonly string[] {
        return here()
      }
      assert.equal(caller()[0], 'caller')
      assert.deepEqual(Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace'), set)
      assert.deepEqual(Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit'), limit)
    })
  }

  it('and gives no text where the program makes stacks into something else', () => {
    Object.defineProperty(Error, 'prepareStackTrace', {
      value: () => ['no', 'text'],
      configurable: true,
    })
    assert.equal(stackText(5), '')
  })
})
