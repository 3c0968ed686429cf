// The contestants, each written in its own best way. A command gets a folder of images and the
// number of cores. It prints one line of JSON, { images, seconds, cpuSeconds, rssMb }, of the work
// alone, after a warm-up and without the start of the process.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { C_PROGRAM, PYTHON } from '../setup.mjs'

const node = process.execPath
const always = () => undefined
const isRunnable = (...command) =>
  spawnSync(command[0], command.slice(1), { stdio: 'ignore' }).status === 0
const memo = (find) => {
  let found
  return () => {
    found ??= { reason: find() }
    return found.reason
  }
}
const needsPython = (module) =>
  memo(() => {
    if (!existsSync(PYTHON)) return 'not set up: run with --setup'
    return isRunnable(PYTHON, '-c', `import ${module}`)
      ? undefined
      : `Python cannot import ${module}`
  })
const needsC = memo(() =>
  existsSync(C_PROGRAM) ? undefined : 'not built: run with --setup, see README.md',
)

const spindle = (name, way, backend, layout) => ({
  name,
  command: (folder) => [node, 'cell-spindle.mjs', folder, way, backend, layout],
  missing: always,
})
const c = (layout) => ({
  name: `C, libjpeg-turbo ${layout}`,
  sets: ['jpeg 500x375', 'jpeg 1920x1080', 'own 1920x1080'],
  command: (folder, cores) => [C_PROGRAM, folder, String(cores), '224', '224', layout],
  missing: needsC,
})

export const contestants = [
  spindle('spindle CHW', 'batches', 'ffmpeg', 'CHW'),
  c('CHW'),
  spindle('spindle HWC', 'batches', 'ffmpeg', 'HWC'),
  c('HWC'),
  spindle('spindle one by one', 'single', 'ffmpeg', 'CHW'),
  spindle('spindle over sharp', 'single', 'sharp', 'HWC'),
  { name: 'sharp alone', command: (folder) => [node, 'cell-sharp.mjs', folder], missing: always },
  {
    name: 'ffmpeg command',
    // it accepts one kind of file at a time
    sets: ['jpeg 500x375', 'jpeg 1920x1080', 'png 500x375', 'webp 500x375', 'own 1920x1080'],
    command: (folder, cores) => [node, 'cell-ffmpeg.mjs', folder, String(cores)],
    missing: memo(() => (isRunnable('ffmpeg', '-version') ? undefined : 'not on PATH')),
  },
  {
    name: 'SPDL',
    command: (folder, cores) => [PYTHON, 'cell_spdl.py', folder, String(cores)],
    missing: needsPython(
      'spdl.io, sys; from spdl.io import load_image_batch; spdl.io.utils.get_ffmpeg_versions()',
    ),
  },
  {
    name: 'PIL',
    command: (folder, cores) => [PYTHON, 'cell_pil.py', folder, String(cores)],
    missing: needsPython('PIL, numpy'),
  },
  {
    name: 'PIL with draft()',
    sets: ['jpeg 500x375', 'jpeg 1920x1080', 'own 1920x1080'],
    command: (folder, cores) => [PYTHON, 'cell_pil.py', folder, String(cores), 'draft'],
    missing: needsPython('PIL, numpy'),
  },
]
