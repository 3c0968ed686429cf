// The groups of cells, and the figures that are made of what they used. A cell is one process:
// `file` of cells/ with `args`. `rows` gets a function from a cell's id to its least figures.

const IMPORTS = {
  spindle: 30,
  'spindle/source': 30,
  'spindle/loader': 30,
  'spindle/checkpoint': 30,
  'spindle/sinks': 30,
  'spindle/interop': 30,
  'spindle/worker': 30,
  'spindle/threads': 30,
  'spindle/options': 30,
  '@spindle/io': 60,
  '@spindle/io/sync': 60,
  '@spindle/io/media': 60,
}
const SMALL = 1
const LARGE = 5

export const groups = {
  imports: {
    title: 'Imports: CPU ms above a program that imports nothing',
    cells: { none: ['imports'], ...byName('imports', Object.keys(IMPORTS)) },
    rows: (of) =>
      Object.entries(IMPORTS).map(([name, goal]) => ({
        text: name,
        value: of(name).cpuMs - of('none').cpuMs,
        goal,
      })),
  },
  worker: {
    title: 'One more worker, from its start to its first result: CPU ms and MB',
    cells: Object.fromEntries(
      ['pool', 'region', 'empty', 'piscina'].flatMap((kind) =>
        [SMALL, LARGE].map((count) => [`${kind}:${count}`, ['workers', kind, String(count)]]),
      ),
    ),
    rows: (of) =>
      ['pool', 'region', 'empty', 'piscina'].flatMap((kind) =>
        [
          ['cpuMs', 'CPU ms', kind === 'pool' ? 25 : undefined],
          ['rssMb', 'MB', kind === 'pool' ? 8 : undefined],
        ].map(([key, unit, goal]) => ({
          text: `${kind}, ${unit}`,
          value: (of(`${kind}:${LARGE}`)[key] - of(`${kind}:${SMALL}`)[key]) / (LARGE - SMALL),
          goal,
        })),
      ),
  },
  pool: {
    title: 'A pool of two threads, from its making to its first result, of Piscina',
    cells: { pool: ['first-result', 'pool'], piscina: ['first-result', 'piscina'] },
    rows: (of) => [
      { text: 'time', value: of('pool').firstMs / of('piscina').firstMs, goal: 1 },
      { text: 'CPU time', value: of('pool').firstCpuMs / of('piscina').firstCpuMs, goal: 1 },
      { text: 'CPU time of the process', value: of('pool').cpuMs / of('piscina').cpuMs },
      { text: 'time, ms', value: of('pool').firstMs },
      { text: "time of Piscina's, ms", value: of('piscina').firstMs },
    ],
  },
  items: {
    title: '10,000 no-op items from cold: CPU ms of the whole process above an empty one',
    cells: {
      none: ['imports'],
      ...byName('items', ['spindle', 'spindle-unguarded', 'p-map', 'streaming-iterables']),
    },
    rows: (of) => [
      ...['spindle', 'spindle-unguarded', 'p-map', 'streaming-iterables'].map((name) => ({
        text: name,
        value: of(name).cpuMs - of('none').cpuMs,
      })),
      ...['spindle', 'p-map', 'streaming-iterables'].map((name) => ({
        text: `${name}, after the imports`,
        value: of(name).runCpuMs,
      })),
      { text: 'spindle of p-map', value: of('spindle').cpuMs / of('p-map').cpuMs, goal: 1 },
    ],
  },
  image: {
    title: 'The first image of 224x224 after the start of the process, of sharp',
    cells: byName('image', ['loadImage', 'loadImageSync', 'loadImageBatch', 'sharp']),
    rows: (of) =>
      ['loadImage', 'loadImageSync', 'loadImageBatch', 'sharp'].flatMap((name) => [
        {
          text: `${name}, time`,
          value: of(name).wallMs / of('sharp').wallMs,
          goal: name === 'loadImage' ? 1.2 : undefined,
        },
        { text: `${name}, CPU time`, value: of(name).cpuMs / of('sharp').cpuMs },
      ]),
  },
}

/** The cells of a group. */
export function cellsOf(group) {
  return Object.entries(group.cells).map(([id, [file, ...args]]) => ({
    id,
    file,
    args,
    isOurs: !/piscina|p-map|streaming|sharp|none|empty/.test(id),
  }))
}

function byName(file, names) {
  return Object.fromEntries(names.map((name) => [name, [file, name]]))
}
