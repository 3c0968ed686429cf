// Which module holds which implementation. They are imported one at a time, each in its own
// process; a module whose rival is not installed throws, and its cells are skipped.

const MODULES = {
  bare: ['bare.mjs', 'bare'],
  'spindle-forEach': ['spindle.mjs', 'spindleForEach'],
  'spindle-chunks': ['spindle.mjs', 'spindleChunks'],
  'spindle-for-await': ['spindle.mjs', 'spindleForAwait'],
  'streaming-iterables': ['streaming-iterables.mjs', 'streamingIterables'],
  'exstream.js': ['exstream.mjs', 'exstreamJs'],
  'p-map': ['p-map.mjs', 'pMap'],
  'readable-map': ['node-streams.mjs', 'readableMap'],
  effect: ['effect.mjs', 'effect'],
  fastq: ['fastq.mjs', 'fastqCallback'],
  'fastq-promise': ['fastq.mjs', 'fastqPromise'],
  'p-queue': ['p-queue.mjs', 'pQueue'],
  rxjs: ['rxjs.mjs', 'rxjs'],
  'node-transforms': ['node-streams.mjs', 'nodeTransforms'],
  'async-generators': ['generators.mjs', 'asyncGenerators'],
  'sync-generators': ['generators.mjs', 'syncGenerators'],
  'spdl-best': ['spdl.mjs', 'spdlBest'],
  'spdl-best-hooks': ['spdl.mjs', 'spdlBestHooks'],
  'spdl-default': ['spdl.mjs', 'spdlDefault'],
}

export const IMPLEMENTATIONS = Object.keys(MODULES)

export async function loadImplementation(id) {
  const [file, name] = MODULES[id]
  return (await import(`./${file}`))[name]
}
