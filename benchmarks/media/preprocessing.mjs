// The distance of images from those that models were trained with: Pillow decodes and resizes with
// antialiasing, as torchvision and Hugging Face do.
//   npm run build && node benchmarks/media/preprocessing.mjs [--setup]
// Prints the table of docs/images.md: mean absolute error (of 255) and the cosine between
// normalised tensors, of the shipped photographs.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadImage } from '@spindle/io'
import sharp from 'sharp'
import { PYTHON as INSTALLED, setUp } from './setup.mjs'

if (process.argv.includes('--setup')) setUp()
const PYTHON = process.env.PYTHON ?? INSTALLED
if (!existsSync(PYTHON))
  throw new Error('Pillow is not set up: run with --setup, or name an interpreter in PYTHON')
const PHOTOS = fileURLToPath(new URL('../../examples/photos/', import.meta.url))
const MEAN = [0.485, 0.456, 0.406]
const STD = [0.229, 0.224, 0.225]
const MODES = ['crop', 'shorter', 'pad', 'stretch']
const ALGORITHMS = ['bilinear', 'bicubic']
const SIDE = 224

const folder = mkdtempSync(join(tmpdir(), 'spindle-preprocessing-'))
try {
  await main()
} finally {
  rmSync(folder, { recursive: true })
}

async function main() {
  const sets = await photographs()
  const jobs = sets.flatMap(({ files }) =>
    files.flatMap((file) =>
      MODES.flatMap((mode) =>
        ALGORITHMS.map((algorithm) => ({ file, mode, algorithm, width: SIDE, height: SIDE })),
      ),
    ),
  )
  const named = jobs.map((job, i) => ({ ...job, name: `${i}.rgb` }))
  const list = join(folder, 'list.json')
  writeFileSync(list, JSON.stringify(named))
  execFileSync(PYTHON, [fileURLToPath(new URL('preprocessing.py', import.meta.url)), list, folder])
  const version = execFileSync(PYTHON, ['-c', 'import PIL; print(PIL.__version__)'], {
    encoding: 'utf8',
  }).trim()
  console.log(
    `Against Pillow ${version}, ${SIDE}x${SIDE}: mean error of all photographs, of the worst, cosine of the worst\n`,
  )
  console.log(
    `| photographs | backend | \`algorithm\` | ${MODES.map((mode) => `\`'${mode}'\``).join(' | ')} |`,
  )
  console.log(`| --- | --- | --- | ${MODES.map(() => '---').join(' | ')} |`)
  for (const { title, files, options } of sets)
    for (const backend of ['ffmpeg', 'sharp'])
      for (const algorithm of ALGORITHMS) {
        const cells = [title, backend, algorithm]
        for (const mode of MODES) {
          const isMine = (job) =>
            files.includes(job.file) && job.mode === mode && job.algorithm === algorithm
          const all = []
          for (const job of named.filter(isMine))
            all.push(await compare(job, { ...options, backend }))
          cells.push(summary(all))
        }
        console.log(`| ${cells.join(' | ')} |`)
      }
}

/**
 * JPEG files as they are, the same pixels without loss (so that only resizing differs), and large
 * ones.
 */
async function photographs() {
  const names = readdirSync(PHOTOS)
  const small = names
    .filter((name) => /-(?:1|2|444|portrait|turned|wide|grey)\.jpg$/.test(name))
    .map((name) => PHOTOS + name)
  const lossless = []
  for (const [i, file] of small.filter((_, k) => k % 4 === 0).entries()) {
    const path = join(folder, `${i}.png`)
    await sharp(file).rotate().png().toFile(path)
    lossless.push(path)
  }
  const large = names.filter((name) => /-large\.jpg$/.test(name)).map((name) => PHOTOS + name)
  return [
    { title: `${small.length} JPEG`, files: small, options: {} },
    { title: `${lossless.length} PNG`, files: lossless, options: {} },
    { title: `${large.length} JPEG > 1 Mpx`, files: large, options: {} },
    { title: 'the same, whole', files: large, options: { shrinkOnDecode: false } },
  ]
}

async function compare({ file, mode, algorithm, width, height, name }, options) {
  const size = mode === 'shorter' ? { width } : { width, height }
  const image = await loadImage(file, { ...size, mode, algorithm, ...options })
  const truth = readFileSync(join(folder, name))
  if (truth.length !== image.data.length) throw new Error(`${file}: ${image.shape} is another size`)
  let [error, dot, own, theirs] = [0, 0, 0, 0]
  for (let i = 0; i < truth.length; i++) {
    error += Math.abs(image.data[i] - truth[i])
    const a = (image.data[i] / 255 - MEAN[i % 3]) / STD[i % 3]
    const b = (truth[i] / 255 - MEAN[i % 3]) / STD[i % 3]
    dot += a * b
    own += a * a
    theirs += b * b
  }
  return { error: error / truth.length, cosine: dot / Math.sqrt(own * theirs) }
}

function summary(all) {
  const errors = all.map(({ error }) => error)
  const mean = errors.reduce((sum, one) => sum + one, 0) / all.length
  const worst = Math.min(...all.map(({ cosine }) => cosine))
  return `${mean.toFixed(2)}, ${Math.max(...errors).toFixed(2)}, ${worst.toFixed(4)}`
}
