// CommonJS users get the same ES modules, by require().
const assert = require('node:assert/strict')
const { PipelineBuilder } = require('spindle')

assert.equal(typeof PipelineBuilder, 'function')
// One module, whichever way it is loaded: two copies would have two of every class.
module.exports = import('spindle').then((spindle) =>
  assert.equal(spindle.PipelineBuilder, PipelineBuilder),
)
