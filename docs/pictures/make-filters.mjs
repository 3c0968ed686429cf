// Makes the pictures of docs/filters.md, by the graphs that the page shows: npm run build && node
// docs/pictures/make-filters.mjs
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { loadImage, saveImage } from '@spindle/io'
import { FilterGraph, Frames, filters } from '@spindle/io/media'

const photo = (name) => fileURLToPath(new URL(`../../examples/photos/${name}`, import.meta.url))
const here = (name) => fileURLToPath(new URL(`filters-${name}.jpg`, import.meta.url))

const stream = await loadImage(photo('stream-1.jpg'), { width: 200, height: 150, mode: 'crop' })
const dahlia = await loadImage(photo('dahlia-1.jpg'), { width: 64, height: 48, mode: 'crop' })
const rate = 44100
const sweep = new Float32Array(2 * rate)
for (let i = 0; i < sweep.length; i++) {
  const t = i / rate
  sweep[i] =
    Math.sin(2 * Math.PI * (200 + 1500 * t) * t) * 0.8 * Math.abs(Math.sin(2 * Math.PI * t))
}

// The page's own text: each picture is named behind the graph that makes it.
const page = readFileSync(new URL('../filters.md', import.meta.url), 'utf8')
const rows = [
  ...page.matchAll(
    /^\| `(?<graph>[^`]+)` \| !\[[^\]]*\]\(pictures\/filters-(?<name>[\w-]+)\.jpg\)/gm,
  ),
]
for (const { groups } of rows) {
  const graph = new Function('filters', `with (filters) return ${groups.graph}`)(filters)
  await saveImage(here(groups.name), await lastPicture(graph), { quality: 85 })
}

/**
 * What a graph makes of the photograph, of two of them (inputs `big` and `small`), or of the sweep:
 * its last picture.
 */
async function lastPicture(description) {
  const filterGraph = new FilterGraph(description)
  const { inputs } = filterGraph
  const made = [filterGraph]
  try {
    for (const { label, kind } of inputs) {
      const frames =
        kind === 'audio'
          ? Frames.fromAudio(
              { data: sweep, dtype: 'float32', shape: [1, sweep.length] },
              { sampleRate: rate },
            )
          : Frames.fromVideo(asVideo(label === 'small' ? dahlia : stream), { frameRate: 25 })
      made.push(frames)
      filterGraph.push(frames, label)
    }
    filterGraph.flush()
    const out = filterGraph.pull()
    made.push(out)
    const { data, shape } = out.slice(-1).toArray({ pixelFormat: 'rgb24' })
    return { data, dtype: 'uint8', shape: shape.slice(1) }
  } finally {
    for (const one of made.toReversed()) one[Symbol.dispose]()
  }
}

function asVideo({ data, dtype, shape }) {
  return { data, dtype, shape: [1, ...shape] }
}
