// Writes the expected values of the tests of media and archives: packages/io/test/truth. The tests
// themselves need only Node.
//   npm run truth                 makes all of it anew: needs ffmpeg, ffprobe, sox, tar and bsdtar, and for images Pillow and
//                                 what images.py names
//   npm run truth -- --check      asks the programs that are here again and compares, within what the tests allow:
//                                 versions differ. Ends with "N passed, N failed"
//   npm run truth -- video        one part: audio, sox, video, media, tar or images (checked or made)
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { isDeepStrictEqual, parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'
import { buildTests, mirror } from '../test-build.mjs'
import { Checks } from '../tools.mjs'
import { audioTruth, soxTruth } from './audio.mjs'
import { checkImages, makeImages } from './images.mjs'
import { INPUTS } from './inputs.mjs'
import { mediaTruth } from './media.mjs'
import { tarTruth } from './tar.mjs'
import { FILES, ffmpeg, ffprobe, readTruth, versionOf, writeTruth } from './tools.mjs'
import { videoTruth } from './video.mjs'

const { values: options, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: { check: { type: 'boolean', default: false } },
})
/** Each part: the programs that it runs, and their results. */
const PARTS = {
  audio: [['ffmpeg', 'ffprobe'], audioTruth],
  sox: [['sox'], soxTruth],
  video: [['ffmpeg', 'ffprobe'], videoTruth],
  media: [['ffmpeg', 'ffprobe'], mediaTruth],
  tar: [['tar', 'bsdtar'], tarTruth],
  images: [['pillow'], undefined],
}
const parts = Object.keys(PARTS).filter((part) => wanted.length === 0 || wanted.includes(part))

await buildTests()
const scratch = mkdtempSync(join(tmpdir(), 'spindle-truth-'))
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }))
const own = await ownThings()
if (options.check) check()
else await make()

/** Helpers of the tests: hashes, sounds, files that this package writes. */
async function ownThings() {
  const load = (file) => import(join(mirror, 'packages/io', file))
  const { sketchOf, sketchesApart, md5, pictureHashes } = await load('test/truth/truth.js')
  const { sweep, low } = await load('test/audio/audio-support.js')
  const { sampleOfLists } = await load('test/formats/tar-files.js')
  const { saveWavSync, saveAudioSync, iterateTarSync } = await load('src/sync.js')
  const { GRAPH } = await load('test/chain/media-support.js')
  const written = await load('test/chain/written.js')
  const wavs = { 'tones.wav': sweep(5), 'low.wav': low(5) }
  for (const [name, sound] of Object.entries(wavs))
    saveWavSync(join(scratch, name), { ...sound, layout: 'CT' })
  const { shape, ...tone } = sweep(1)
  const first = { ...tone, data: tone.data.slice(0, shape[1]), shape: [1, shape[1]] }
  saveWavSync(join(scratch, 'tone.wav'), { ...first, layout: 'CT' })
  const pathOf = (name) =>
    /^(?:tones|low|tone)\.wav$/.test(name) ? join(scratch, name) : undefined
  const lists = sampleOfLists(12)
  return {
    ...{
      sketchOf,
      sketchesApart,
      md5,
      pictureHashes,
      written,
      pathOf,
      scratch,
      lists,
      sweep,
      saveAudioSync,
    },
    ...{ iterateTarSync, filterText: GRAPH },
  }
}

async function make() {
  for (const program of new Set(parts.flatMap((part) => PARTS[part][0])))
    if (versionOf(program) === undefined) throw new Error(`${program} is not installed`)
  for (const [name, args] of Object.entries(INPUTS)) {
    if (!parts.includes(name.split('/')[0])) continue
    makeInput(name, args, FILES)
    if (!name.endsWith('.nut')) continue
    const file = join(FILES, name)
    writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }))
    rmSync(file)
  }
  if (parts.includes('audio')) {
    for (const format of ['flac', 'mp3', 'm4a', 'opus', 'ogg'])
      own.saveAudioSync(join(FILES, `audio/written.${format}`), own.sweep(0.5), { format })
  }
  await buildTests() // in which the new files are
  for (const part of parts) {
    const [programs, truth] = PARTS[part]
    if (part === 'images') {
      console.log(`images: ${makeImages()}`)
      continue
    }
    const madeBy = Object.fromEntries(programs.map((program) => [program, versionOf(program)]))
    writeTruth(part, { madeBy, ...truth(own) })
    console.log(`${part}: made by ${Object.values(madeBy).join(', ')}`)
  }
}

/** An input that is made of another one names it. */
function makeInput(name, args, folder) {
  const file = join(folder, name)
  mkdirSync(dirname(file), { recursive: true })
  const paths = args.map((arg, i) => (args[i - 1] === '-i' ? (own.pathOf(arg) ?? kept(arg)) : arg))
  ffmpeg(...paths, file)
  return file
}

/** Path of an input that is there, or what is no path. */
function kept(arg) {
  return existsSync(join(FILES, arg)) ? join(FILES, arg) : arg
}

function check() {
  const checks = new Checks()
  for (const part of parts) {
    const [programs, truth] = PARTS[part]
    const missing = programs.filter((program) => versionOf(program) === undefined)
    if (missing.length > 0) {
      console.log(`﹣ ${part}: ${missing.join(' and ')} not installed`)
      continue
    }
    if (part === 'images') {
      checkImages(checks)
      continue
    }
    const { madeBy, ...kept } = readTruth(part)
    console.log(
      `${part}: made by ${Object.values(madeBy).join(', ')}; here ${programs.map(versionOf).join(', ')}`,
    )
    const now = truth(own)
    if (part === 'tar') checkArchives(checks, now)
    else
      for (const key of Object.keys({ ...kept, ...now }))
        checks.add(`${part}.${key}`, difference(kept[key], now[key]))
  }
  if (versionOf('ffmpeg') !== undefined) checkInputs(checks)
  checks.finish()
}

/** The difference, or `undefined`. */
function difference(kept, now, path = '') {
  if (typeof kept?.sums === 'string') return differenceOfSound(kept, now, path)
  if (isPictures(kept) && isPictures(now)) return differenceOfPictures(kept, now, path)
  if (typeof kept === 'object' && kept !== null && typeof now === 'object' && now !== null) {
    const keys = [...new Set([...Object.keys(kept), ...Object.keys(now)])]
    return keys.map((key) => difference(kept[key], now[key], `${path}.${key}`)).find(Boolean)
  }
  if (typeof kept === 'number' && Math.abs(kept - now) < 2e-3) return undefined
  return isDeepStrictEqual(kept, now)
    ? undefined
    : `${path}: ${JSON.stringify(kept)} and ${JSON.stringify(now)}`
}

/**
 * Decoders of different versions add in a different order, and older ones do not cut off the
 * padding of AAC encoders.
 */
function differenceOfSound(kept, now, path) {
  if (Math.abs(kept.count - now.count) >= 2 * 1024)
    return `${path}: ${kept.count} and ${now.count} samples`
  const far = own.sketchesApart(kept, now)
  return far < 1e-6 || (path.includes('mixed') && far <= 1) ? undefined : `${path}: ${far} apart`
}

function isPictures(value) {
  return typeof value === 'string' && /^[0-9a-f]{12}( [0-9a-f]{12})*$/.test(value)
}

/** At other rates, older versions show the last picture shorter. */
function differenceOfPictures(kept, now, path) {
  const [a, b] = [kept.split(' '), now.split(' ')]
  if (Math.abs(a.length - b.length) > 3) return `${path}: ${a.length} and ${b.length} pictures`
  const at = a.findIndex((hash, i) => i < b.length && hash !== b[i])
  return at < 0 ? undefined : `${path}: picture ${at} is another`
}

/** Checks that archives which the programs write today have the original contents. */
function checkArchives(checks, { archives }) {
  for (const { writer, gzipped } of archives) {
    const wrong = gzipped.findIndex((text, i) => {
      const members = [...own.iterateTarSync(Buffer.from(text, 'base64'))]
      const plain = (list) =>
        list.map(({ path, data }) => [path, Buffer.from(data).toString('base64')])
      return !isDeepStrictEqual(
        plain(members),
        plain(own.lists[i].map((one) => ({ ...one, path: `./${one.path}` }))),
      )
    })
    checks.add(`tar: ${writer}`, wrong < 0 ? '' : `archive ${wrong} is read as something else`)
  }
}

/**
 * Checks that inputs made today have the same streams and lengths: encoders of other versions give
 * other bytes.
 */
function checkInputs(checks) {
  for (const part of parts.filter((one) => ['audio', 'video', 'media'].includes(one))) {
    const problems = Object.entries(INPUTS)
      .filter(([name]) => name.startsWith(`${part}/`) && !name.endsWith('.nut'))
      .map(([name, args]) => {
        const [before, after] = [join(FILES, name), makeInput(name, args, scratch)].map(streamsOf)
        return before === after ? '' : `${name}: ${before} and ${after}`
      })
      .filter(Boolean)
    checks.add(`${part}: inputs can be made again`, problems.join('\n'))
  }
}

function streamsOf(file) {
  const entries = 'stream=codec_name,width,height,pix_fmt,sample_rate,channels'
  return String(ffprobe('-show_entries', entries, '-of', 'csv=p=0', file))
    .trim()
    .replaceAll('\n', ' | ')
}
