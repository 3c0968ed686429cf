// Run with --enable-source-maps: stacks then tell places in Spindle's sources, which must not be
// taken for the user's.
import assert from 'node:assert/strict'
import { PipelineBuilder } from 'spindle'

const config = new PipelineBuilder()
  .addSource([1])
  .pipe((n) => n)
  .getConfig()
assert.match(String(config), /places\.mjs:7\]\n.*places\.mjs:8\]/)
