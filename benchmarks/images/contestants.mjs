// Who takes part, each in its own best idiom. A command gets a folder of images and the number of cores; it prints one line of JSON:
// { images, seconds, cpuSeconds, rssMb }, of the work alone, after a warm-up and without the start of the process.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { PYTHON } from './setup.mjs'

const node = process.execPath
const always = () => undefined
const isRunnable = (...command) => spawnSync(command[0], command.slice(1), { stdio: 'ignore' }).status === 0
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
    return isRunnable(PYTHON, '-c', `import ${module}`) ? undefined : `Python cannot import ${module}`
  })

export const contestants = [
  {
    name: 'spindle',
    command: (folder) => [node, 'cell-spindle.mjs', folder, 'ffmpeg', 'HWC'],
    missing: always,
  },
  {
    name: 'spindle CHW',
    command: (folder) => [node, 'cell-spindle.mjs', folder, 'ffmpeg', 'CHW'],
    missing: always,
  },
  {
    name: 'spindle over sharp',
    command: (folder) => [node, 'cell-spindle.mjs', folder, 'sharp', 'HWC'],
    missing: always,
  },
  { name: 'sharp alone', command: (folder) => [node, 'cell-sharp.mjs', folder], missing: always },
  {
    name: 'ffmpeg command',
    sets: ['jpeg 500x375'], // it takes one kind of file at a time
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
    sets: ['jpeg 500x375'],
    command: (folder, cores) => [PYTHON, 'cell_pil.py', folder, String(cores), 'draft'],
    missing: needsPython('PIL, numpy'),
  },
]
