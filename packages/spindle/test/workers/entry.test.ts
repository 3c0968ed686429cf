import assert from 'node:assert/strict'
import { it } from 'node:test'
import * as whole from 'spindle'
import { urlForMessages } from 'spindle/source'
import * as entry from 'spindle/worker'

it('spindle/worker gives the same functions and classes as spindle does', () => {
  const all: Readonly<Record<string, unknown>> = { ...whole, urlForMessages }
  const names = Object.keys(entry)
  for (const name of ['move', 'isMainThread', 'trackCall', 'SpindleError'])
    assert.ok(names.includes(name))
  for (const [name, value] of Object.entries(entry)) assert.equal(value, all[name], name)
})
