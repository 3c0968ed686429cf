// Compares the result of @spindle/io for a file with that of the reference.

/**
 * Tolerance of the means of parts of pictures (of 255) and sounds (of 1): decoders round
 * differently.
 */
const IMAGE_TOLERANCE = 2
const SOUND_TOLERANCE = 2e-3
/** Elements of an array whose dtype has no counterpart here: refused by name on both sides. */
const BOTH = 'both refuse'

/**
 * @returns {{ outcome: string, detail?: string }} `agree`; `both refuse`; `only here` and `not
 * supported` (which is said by name), which are no faults; `refused`, `differs`, `crash`, which are
 */
export function compare(kind, own, judge) {
  if (own.crash !== undefined) return { outcome: 'crash', detail: own.crash }
  if (judge.crash !== undefined)
    return { outcome: own.fault ? BOTH : 'only here', detail: judge.crash }
  if (own.fault !== undefined && judge.fault !== undefined) return { outcome: BOTH }
  if (judge.fault !== undefined) return { outcome: 'only here', detail: judge.fault.message }
  if (own.fault !== undefined) {
    const { code, message } = own.fault
    return {
      outcome: code === 'ERR_UNSUPPORTED' ? 'not supported' : 'refused',
      detail: `${code}: ${message}`,
    }
  }
  const detail = DIFFERENCES[kind](own.value, judge.value)
  return detail === undefined ? { outcome: 'agree' } : { outcome: 'differs', detail }
}

const DIFFERENCES = {
  image: (own, judge) => sketches(own, judge, IMAGE_TOLERANCE),
  sharp: (own, judge) => sketches(own, judge, IMAGE_TOLERANCE),
  sound: (own, judge) =>
    own.sampleRate === judge.sampleRate
      ? sketches(own, judge, SOUND_TOLERANCE)
      : `${own.sampleRate} Hz and ${judge.sampleRate} Hz`,
  array(own, judge) {
    if (String(Object.keys(own)) !== String(Object.keys(judge)))
      return `arrays ${Object.keys(own)} and ${Object.keys(judge)}`
    for (const [name, array] of Object.entries(own)) {
      const other = judge[name]
      if (array.code === 'ERR_UNSUPPORTED' && other.code !== undefined) continue
      if (array.code !== undefined) return `array ${name}: ${array.message}`
      if (JSON.stringify(array) !== JSON.stringify(other))
        return `array ${name}: ${array.dtype} [${array.shape}] and ${other.dtype ?? other.message} [${other.shape}]`
    }
    return undefined
  },
  tar: files,
  zip: files,
  parquet(own, judge) {
    if (own.rows !== judge.rows) return `${own.rows} rows and ${judge.rows}`
    for (const [i, row] of own.first.entries())
      for (const [name, value] of Object.entries(row))
        if (value !== '…' && judge.first[i][name] !== '…' && value !== judge.first[i][name])
          return `row ${i}, column ${name}: ${value} and ${judge.first[i][name]}`
    return undefined
  },
}

function sketches(own, judge, tolerance) {
  if (String(own.shape) !== String(judge.shape)) return `shapes [${own.shape}] and [${judge.shape}]`
  const worst = Math.max(0, ...own.means.map((mean, i) => Math.abs(mean - judge.means[i])))
  return worst <= tolerance ? undefined : `a part is ${worst.toPrecision(3)} apart`
}

function files(own, judge) {
  if (own.length !== judge.length) return `${own.length} files and ${judge.length}`
  const at = own.findIndex((file, i) => String(file) !== String(judge[i]))
  return at === -1 ? undefined : `file ${at}: ${own[at]} and ${judge[at]}`
}
